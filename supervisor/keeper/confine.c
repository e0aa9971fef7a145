/* SPDX-License-Identifier: MIT */

/*
 * The part of a sandbox that a unit cannot have, because its keeper lives in it too.
 *
 * Capabilities leave the bounding set here, and not by the unit's CapabilityBoundingSet=, which
 * would take them from the keeper. What goes is what would undo the rest of the sandbox (mounts,
 * other processes' memory, kernel modules, devices, files by handle); a payload that is root keeps
 * what a daemon needs to bind its port and to become another user. One that is not root has none.
 *
 * Credentials are root's, since the unit has no User= (see unit-properties.c), and their mount is
 * read-only: it is opened for as long as it takes to give them away. Done for each life: a keeper
 * that follows a killed one finds them loaded anew.
 */

#include "supervisor/keeper/confine.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define MOUNT_FLAGS (MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOEXEC | MS_NOSUID)
#define ENTRIES_BYTES 2048

/* What getdents64(2) fills in; libc's readdir(3) needs a heap. */
struct entry {
	uint64_t inode;
	int64_t next;
	unsigned short bytes;
	unsigned char type;
	char name[];
};

/* Numbers of capabilities(7): musl has no headers of the kernel. */
static const unsigned char taken[] = {
	2,  /* DAC_READ_SEARCH */
	9,  /* LINUX_IMMUTABLE */
	16, /* SYS_MODULE */
	17, /* SYS_RAWIO */
	19, /* SYS_PTRACE */
	20, /* SYS_PACCT */
	21, /* SYS_ADMIN */
	22, /* SYS_BOOT */
	25, /* SYS_TIME */
	26, /* SYS_TTY_CONFIG */
	27, /* MKNOD */
	30, /* AUDIT_CONTROL */
	32, /* MAC_OVERRIDE */
	33, /* MAC_ADMIN */
	34, /* SYSLOG */
	35, /* WAKE_ALARM */
	36, /* BLOCK_SUSPEND */
	38, /* PERFMON */
	39, /* BPF */
	40, /* CHECKPOINT_RESTORE */
};

int confine_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		/* An ordinary user has none to lose, and an old kernel does not know them all. */
		if (prctl(PR_CAPBSET_DROP, taken[i], 0, 0, 0) < 0 && errno != EPERM &&
		    errno != EINVAL)
			return -errno;
	}
	return 0;
}

/* A manager that could not mount has left a plain folder. */
static int remount(const char *folder, unsigned long flags)
{
	if (mount(NULL, folder, NULL, MOUNT_FLAGS | flags, NULL) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

static int give_files(int dir, uid_t uid, gid_t gid)
{
	union {
		char bytes[ENTRIES_BYTES];
		struct entry aligned;
	} buf;

	for (;;) {
		long n = syscall(SYS_getdents64, dir, &buf, sizeof(buf));

		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n;) {
			const struct entry *e = (const struct entry *)(buf.bytes + at);

			if (strcmp(e->name, "..") != 0 &&
			    fchownat(dir, e->name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
				return -errno;
			at += e->bytes;
		}
	}
}

int confine_credentials(const char *folder, uid_t uid, gid_t gid)
{
	cleanup_close int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return -errno;
	r = remount(folder, 0);
	if (r == 0)
		r = give_files(dir, uid, gid);
	return r < 0 ? r : remount(folder, MS_RDONLY);
}
