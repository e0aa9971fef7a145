/* SPDX-License-Identifier: MIT */

/*
 * slicekeep-log: wires the collector together.
 *
 * The main process is the writer; a reader is started beside it when somebody calls, and a
 * housekeeper when there is something to pack or to sync. Both sockets
 * normally come from the keeper, which holds them while we are replaced, so nobody who connects is
 * ever refused.
 *
 * Told to end, we hear everybody who has something to say and store what every pipe holds, our own
 * output's too: perhaps the whole platform goes down, and no successor comes for it.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/daemon.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/paths.h"
#include "lib/text.h"
#include "lib/units.h"

#include "log/housekeeper-child.h"
#include "log/housekeeper.h"
#include "log/intake.h"
#include "log/pipe.h"
#include "log/read.h"
#include "log/reader-child.h"
#include "log/reader.h"
#include "log/rotate.h"
#include "log/verify.h"
#include "log/writer.h"

#define SEGMENT_BYTES_DEFAULT (UINT64_C(32) << 20)
#define EXIT_USAGE 2
/** A turn ends with the segment, and a service that floods must not keep us for ever. */
#define LAST_TURNS 4

static const char usage[] =
	"usage: slicekeep-log [OPTION…]\n"
	"       slicekeep-log read [--log-dir DIR] [FILTER]\n"
	"       PROGRAM | slicekeep-log pipe NAME\n"
	"       slicekeep-log verify [--repair] [NAME…]\n"
	"\n"
	"Collects what services print, keeps it in files, and answers queries.\n"
	"\n"
	"  --log-dir DIR      where segments are kept\n"
	"  --run-dir DIR      where the sockets are made, unless they are inherited\n"
	"  --max-total SIZE   cap on everything that is stored (default: 2G, or a tenth of the\n"
	"                     file system if that is less)\n"
	"  --segment SIZE     size at which a segment is rotated (default: 32M)\n"
	"  --sync DURATION    how long after it was stored the disk has to have it (default: 10s;\n"
	"                     0: when the kernel wants to)\n"
	"  --debug            say more\n"
	"  --help, --version\n"
	"\n"
	"read prints stored lines as JSON without any daemon; FILTER is a Filter of\n"
	"io.slicekeep.log as JSON, \"{}\" means all.\n"
	"pipe stores what comes on stdin as lines of NAME.\n"
	"verify looks at all that is stored and says what is wrong with it.\n";

static struct {
	char *log_dir;
	char *run_dir;
	uint64_t total_bytes;
	uint64_t segment_bytes;
	usec_t sync_usec;
	bool reader;
	bool housekeeper;
} arg_ = {.segment_bytes = SEGMENT_BYTES_DEFAULT, .sync_usec = HOUSEKEEPER_SYNC_DEFAULT_USEC};

struct collector {
	struct loop *loop;
	struct writer *writer;
	struct intake *intake;
	struct reader_child *reader;
	struct housekeeper_child *housekeeper;
	struct daemon_watchdog *watchdog;
	struct loop_signal term;
	struct loop_signal interrupt;
};

/* --- options ---------------------------------------------------------------------------------- */

static int path_take(const char *value, char **path)
{
	free(*path);
	*path = strdup(value);
	return *path ? 1 : -ENOMEM;
}

/* Return: 1 when it is one of ours, 0, negative errno after saying what is wrong. */
static int option_take(const char *name, const char *value)
{
	char **path = strcmp(name, "--log-dir") == 0   ? &arg_.log_dir
		      : strcmp(name, "--run-dir") == 0 ? &arg_.run_dir
						       : NULL;
	uint64_t *size = strcmp(name, "--max-total") == 0 ? &arg_.total_bytes
			 : strcmp(name, "--segment") == 0 ? &arg_.segment_bytes
							  : NULL;
	bool sync = strcmp(name, "--sync") == 0;

	if (!path && !size && !sync)
		return 0;
	if (!value) {
		(void)fprintf(stderr, "slicekeep-log: \"%s\" needs a value; see --help\n", name);
		return -EINVAL;
	}
	if (path)
		return path_take(value, path);
	if (sync ? duration_parse(value, &arg_.sync_usec) == 0
		 : size_parse(value, size) == 0 && *size >= ROTATE_LIMIT_MIN)
		return 1;
	(void)fprintf(stderr, "slicekeep-log: \"%s %s\": give a %s\n", name, value,
		      sync ? "duration, like 10s, or 0" : "size of at least 64K, like 512M or 2G");
	return -EINVAL;
}

/* Take our own options out of the way of daemon_options(). */
static int options_take(int *argc, char **argv)
{
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		int r = option_take(argv[i], i + 1 < *argc ? argv[i + 1] : NULL);

		if (r < 0)
			return r;
		if (r > 0)
			i++;
		else if (strcmp(argv[i], "--reader") == 0)
			arg_.reader = true;
		else if (strcmp(argv[i], "--housekeeper") == 0)
			arg_.housekeeper = true;
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	*argc = kept;
	return 0;
}

static int paths_take(struct error *err)
{
	struct paths paths = {0};
	int r;

	if (arg_.log_dir && arg_.run_dir)
		return 0;
	r = paths_init(&paths, err);
	if (r < 0)
		return r;
	if (!arg_.log_dir)
		arg_.log_dir = strdup(paths.log);
	if (!arg_.run_dir)
		arg_.run_dir = strdup(paths.run);
	paths_done(&paths);
	return arg_.log_dir && arg_.run_dir ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* --- the collector ---------------------------------------------------------------------------- */

/* The socket that the keeper holds for us, or one of our own. */
static int socket_get(const char *inherited, const char *name, int type, struct error *err)
{
	cleanup_free char *path = file_path_join(arg_.run_dir, name);
	int fd = daemon_listen_fd(inherited);

	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return error_set(err, fd, "cannot use the inherited socket \"%s\": %s", inherited,
				 strerror(-fd));
	fd = path ? file_make_folders(arg_.run_dir, 0755) : -ENOMEM;
	if (fd == 0)
		fd = fd_unix_listen(path, type, 0660);
	return fd < 0 ? error_set(err, fd, "cannot listen on \"%s\": %s", path ?: name,
				  strerror(-fd))
		      : fd;
}

static void on_end(int signo, void *userdata)
{
	struct collector *c = userdata;

	daemon_stopping();
	loop_stop(c->loop, 0);
}

static int collector_listen(struct collector *c, bool debug, struct error *err)
{
	int fd, r;

	fd = socket_get("intake", "log.intake", SOCK_SEQPACKET, err);
	if (fd < 0)
		return fd;
	r = intake_new(c->loop, c->writer, fd, &c->intake);
	if (r == 0) {
		fd = socket_get("varlink", "log.sock", SOCK_STREAM, err);
		if (fd < 0)
			return fd;
		r = reader_child_new(c->loop, c->writer, fd, arg_.log_dir, debug, &c->reader);
	}
	return r < 0 ? error_set(err, r, "cannot start: %s", strerror(-r)) : 0;
}

static int collector_begin(struct collector *c, bool debug, struct error *err)
{
	struct writer_config config = {.log_dir = arg_.log_dir,
				       .total_bytes = arg_.total_bytes,
				       .segment_bytes = arg_.segment_bytes};
	int r = loop_new(&c->loop);

	if (r < 0)
		return error_set(err, r, "cannot start: %s", strerror(-r));
	r = writer_new(c->loop, &config, intake_tell, &c->writer, err);
	if (r == 0)
		r = collector_listen(c, debug, err);
	if (r < 0)
		return r;
	if (arg_.sync_usec == USEC_INFINITY)
		arg_.sync_usec = 0;
	r = housekeeper_child_new(c->loop, c->writer, arg_.log_dir, arg_.sync_usec, debug,
				  &c->housekeeper);
	if (r == 0)
		r = loop_signal_init(&c->term, c->loop, SIGTERM, on_end, c);
	if (r == 0)
		r = loop_signal_init(&c->interrupt, c->loop, SIGINT, on_end, c);
	if (r == 0)
		r = daemon_watchdog_start(c->loop, &c->watchdog);
	return r < 0 ? error_set(err, r, "cannot start: %s", strerror(-r)) : 0;
}

static void collector_end(struct collector *c)
{
	daemon_watchdog_free(c->watchdog);
	reader_child_free(c->reader);
	housekeeper_child_free(c->housekeeper);
	intake_free(c->intake);
	writer_free(c->writer);
	if (c->loop) {
		loop_signal_done(&c->term);
		loop_signal_done(&c->interrupt);
	}
	loop_free(c->loop);
}

static int collector_main(const struct daemon_hello *hello)
{
	struct collector c = {0};
	struct error err = {0};
	int r;

	daemon_prepare(hello);
	r = collector_begin(&c, hello->debug, &err);
	if (r == 0) {
		daemon_ready("collecting");
		r = loop_run(c.loop);
	}
	for (int i = 0; r == 0 && i < LAST_TURNS; i++) {
		intake_finish(c.intake);
		writer_finish(c.writer);
	}
	if (r < 0)
		log_error("%s", err.text[0] ? err.text : strerror(-r));
	collector_end(&c);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct daemon_hello hello = {0};
	struct error err = {0};
	int r, code;

	if (argc > 1 && strcmp(argv[1], "read") == 0)
		return read_main(argc - 2, argv + 2);
	if (argc > 1 && strcmp(argv[1], "pipe") == 0)
		return pipe_main(argc - 2, argv + 2);
	if (argc > 1 && strcmp(argv[1], "verify") == 0)
		return verify_main(argc - 2, argv + 2);
	r = options_take(&argc, argv);
	if (r == 0)
		r = daemon_options(argc, argv, usage, &hello);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : 0;
	r = paths_take(&err);
	if (r < 0) {
		(void)fprintf(stderr, "slicekeep-log: %s\n", err.text);
		return 1;
	}
	if (arg_.housekeeper)
		code = housekeeper_main(&hello, arg_.log_dir, arg_.sync_usec > 0);
	else
		code = arg_.reader ? reader_main(&hello, arg_.log_dir) : collector_main(&hello);
	free(arg_.log_dir);
	free(arg_.run_dir);
	return code;
}
