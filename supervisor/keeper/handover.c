/* SPDX-License-Identifier: MIT */

/*
 * The keeper's program is replaced in place: same pid, same children, same descriptors. What the
 * old program knows goes through a memfd (heritage.c), the descriptors simply stay open. The peer
 * that asked is answered by the new program, so that "done" means that it runs; when it cannot be
 * executed the old one takes everything back and answers why.
 */

#include "supervisor/keeper/handover.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "supervisor/keeper/heritage.h"
#include "supervisor/keeper/keeper.h"
#include "supervisor/keeper/options.h"
#include "supervisor/keeper/reserve.h"
#include "supervisor/keeper/say.h"
#include "supervisor/keeper/text.h"
#include "supervisor/keeper/unit.h"
#include "supervisor/keeper/will.h"

#define DELETED " (deleted)"
#define RESUME_OPTION "--resume-fd="

/* The text of a spec in a file of its own, as it was read; -1 for the command line's. */
static int store_spec(const struct spec *s, int *ret_fd)
{
	cleanup_close int fd = -1;

	if (!s->map)
		return 0;
	fd = memfd_create("slicekeep-spec", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, s->map, s->text_bytes) != (ssize_t)s->text_bytes)
		return -EIO;
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* Our own path: where the next program lies once a package manager has renamed it over this one. */
static int find_program(char *path, size_t cap)
{
	ssize_t n = readlink("/proc/self/exe", path, cap - 1);
	size_t deleted = sizeof(DELETED) - 1, len = (size_t)n;

	if (n < 0)
		return -errno;
	if (len > deleted && memcmp(path + len - deleted, DELETED, deleted) == 0)
		len -= deleted;
	path[len] = '\0';
	return 0;
}

/* The command line again, with --resume-fd first; an earlier one is dropped. */
static int fill_words(char **words, char **argv, char *resume)
{
	size_t n = 0;

	words[n++] = *argv++;
	words[n++] = resume;
	argv += *argv && text_starts(*argv, RESUME_OPTION);
	for (; *argv; argv++) {
		if (n + 1 >= RESERVE_WORDS_MAX)
			return -E2BIG;
		words[n++] = *argv;
	}
	words[n] = NULL;
	return 0;
}

static int exec_with(struct keeper *k, struct heritage *h, int state)
{
	char path[PATH_MAX], resume[32];
	int r;

	text_format(resume, sizeof(resume), RESUME_OPTION "%d", state);
	r = find_program(path, sizeof(path));
	if (r == 0)
		r = fill_words(reserve.words, k->argv, resume);
	if (r == 0)
		r = heritage_keep(k, h, true);
	if (r == 0)
		r = fcntl(state, F_SETFD, 0) < 0 ? -errno : 0;
	if (r == 0) {
		(void)execve(path, reserve.words, environ);
		r = -errno;
		say("cannot replace myself by '%s': %s", path, strerror(-r));
	}
	ignore_result(heritage_keep(k, h, false));
	return r;
}

int handover_exec(struct keeper *k, uint32_t peer, uint32_t serial)
{
	struct heritage h = {.spec = -1, .next = -1, .peer = peer, .serial = serial};
	int state = -1, r;

	r = store_spec(&k->spec, &h.spec);
	if (r == 0)
		r = store_spec(&k->next, &h.next);
	if (r == 0)
		r = heritage_write(k, &h, &state);
	if (r == 0)
		r = exec_with(k, &h, state);
	close_fd(&h.spec);
	close_fd(&h.next);
	close_fd(&state);
	return r;
}

static int take_spec(const struct keeper *k, int fd, struct spec *ret_spec)
{
	cleanup_close int owned = fd;
	struct spec_fault fault;
	int r;

	if (owned < 0)
		return 0;
	r = spec_read_fd(owned, "handed over", ret_spec, &fault);
	if (r < 0)
		say("%s", fault.text);
	else if (k->is_unit)
		unit_amend(ret_spec);
	return r;
}

/* The page of another version is of no use, and what was in it comes in the heritage: all but the
 * exits of lives that the supervisor has long been told of. */
static int take_page(struct keeper *k)
{
	int r = page_open(k->page_fd, &k->page);

	if (r != -EBADMSG)
		return r;
	close_fd(&k->page_fd);
	r = page_new(&k->page, &k->page_fd);
	if (r < 0)
		return r;
	k->n_unsent = 0;
	k->page->life = k->life.number;
	k->page->main_pid = k->life.pid;
	return k->is_unit ? will_renew(k) : 0;
}

int handover_resume(struct keeper *k, const struct options *options)
{
	struct heritage h = {.spec = -1, .next = -1, .peer = CONTROL_PEERS_MAX};
	cleanup_close int state = options->resume_fd;
	int r = heritage_read(k, &h, state);

	if (r == 0)
		r = take_page(k);
	if (r == 0)
		r = notify_adopt(&k->notify, k->notify.fd);
	if (r == 0)
		r = take_spec(k, h.spec, &k->spec);
	if (r == 0)
		r = take_spec(k, h.next, &k->next);
	if (r < 0) {
		say("cannot go on where the last program stopped: %s", strerror(-r));
		return r;
	}
	say_for(k->spec.name, k->spec.instance);
	k->is_changed = true;
	if (h.peer < CONTROL_PEERS_MAX)
		control_answer(&k->control.peers[h.peer], h.serial, 0);
	return 0;
}
