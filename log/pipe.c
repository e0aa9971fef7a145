/* SPDX-License-Identifier: MIT */

/*
 * `prog | slicekeep-log pipe NAME`: a program that nobody supervises, in the same store.
 *
 * When stdin is a pipe, its read end itself is offered to the collector, and no byte passes through
 * here: we keep a duplicate, tell each new collector of it, and end when it was drained. Anything
 * else is poured into a pipe of our own first.
 *
 * A signal that is sent to the whole pipeline is meant for the program: it may still have something
 * to say, so we stay until it has ended. Told a second time, or with nobody at the other end of
 * stdin, we leave the pipe to the collector, which reads it to its end; that way nothing is lost
 * either, unless there is no collector.
 */

#include "log/pipe.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/paths.h"
#include "lib/text.h"

#include "log/inlet.h"
#include "log/pipe-slot.h"
#include "log/pour.h"

#define EXIT_USAGE 2
/** A collector that is replaced is not worth a word. */
#define ALONE_USEC_MAX USEC_PER_SEC

static const char usage[] =
	"usage: PROGRAM | slicekeep-log pipe NAME [--stream out|err|both] [--instance N]\n"
	"                                         [--run-dir DIR]\n";

/**
 * struct tap - one run of the subcommand
 * @read_end: of the pipe that is handed over
 * @has_speaker: somebody at the other end of stdin may want to say more
 * @poured:   @has_pour: stdin is no pipe
 * @told:     that the collector is away was said
 * @orders:   how often we were told to end
 */
struct tap {
	char *run_dir;
	struct stream_id id;
	bool has_instance;
	struct pipe_slot slot;
	struct inlet inlet;
	struct pour pour;
	int read_end;
	int signals;
	bool has_pour;
	bool has_speaker;
	bool told;
	unsigned orders;
};

static void say(const char *text)
{
	(void)fprintf(stderr, "slicekeep-log: %s\n", text);
}

/* --- words ------------------------------------------------------------------------------------ */

static int take_name(struct tap *t, const char *name, struct error *err)
{
	if (!text_name_valid(name))
		return error_set(err, -EINVAL,
				 "\"%s\" is no valid name: a-z, 0-9, \"-\" and \"_\", first a "
				 "letter or a digit, at most %d",
				 name, TEXT_NAME_MAX);
	if (text_name_reserved(name))
		return error_set(err, -EINVAL,
				 "\"%s\" is the name of one of slicekeep's own daemons: choose "
				 "another one",
				 name);
	memcpy(t->id.service, name, strlen(name));
	return 0;
}

static int take_instance(struct tap *t, const char *value, struct error *err)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno != 0 || *value < '0' || *value > '9' || *end != '\0' || n > INT32_MAX)
		return error_set(err, -EINVAL, "\"--instance %s\": give a number", value);
	t->id.instance = (uint32_t)n;
	t->has_instance = true;
	return 0;
}

static int take_option(struct tap *t, const char *name, const char *value, struct error *err)
{
	if (strcmp(name, "--run-dir") != 0 && strcmp(name, "--instance") != 0 &&
	    strcmp(name, "--stream") != 0)
		return error_set(err, -EINVAL, "\"%s\" is no option of pipe", name);
	if (!value)
		return error_set(err, -EINVAL, "\"%s\" needs a value", name);
	if (strcmp(name, "--instance") == 0)
		return take_instance(t, value, err);
	if (strcmp(name, "--stream") == 0)
		return stream_from_name(value, &t->id.stream) < 0
			       ? error_set(err, -EINVAL, "\"--stream %s\": out, err or both", value)
			       : 0;
	free(t->run_dir);
	t->run_dir = strdup(value);
	return t->run_dir ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int take_words(struct tap *t, int argc, char **argv, struct error *err)
{
	int r = 0;

	for (int i = 0; i < argc && r == 0; i++) {
		if (text_starts(argv[i], "--")) {
			r = take_option(t, argv[i], argv[i + 1], err);
			i++;
		} else if (t->id.service[0] != '\0') {
			r = error_set(err, -EINVAL, "one name, not \"%s\" as well", argv[i]);
		} else {
			r = take_name(t, argv[i], err);
		}
	}
	return r == 0 && t->id.service[0] == '\0' ? error_set(err, -EINVAL, "give a name") : r;
}

/* --- what is handed over ---------------------------------------------------------------------- */

static int open_stdin(struct tap *t, struct error *err)
{
	struct stat st;
	int flags = fcntl(STDIN_FILENO, F_GETFL), r;

	if (flags < 0 || fstat(STDIN_FILENO, &st) < 0)
		return error_set(err, -errno, "stdin is closed; give it something to read");
	if ((flags & O_ACCMODE) == O_WRONLY)
		return error_set(err, -EINVAL, "stdin cannot be read; give it something to read");
	t->has_speaker = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
	if (S_ISFIFO(st.st_mode)) {
		t->read_end = STDIN_FILENO;
		return 0;
	}
	r = pour_init(&t->pour, STDIN_FILENO, &t->read_end);
	t->has_pour = r == 0;
	return r < 0 ? error_set(err, r, "cannot make a pipe: %s", strerror(-r)) : 0;
}

/* A terminal that goes away takes the program with it, and stdin ends: SIGHUP says nothing new. */
static int catch_signals(struct tap *t)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0 || sigaction(SIGHUP, &ignore, NULL) < 0)
		return -errno;
	t->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return t->signals < 0 ? -errno : 0;
}

static int default_run_dir(struct tap *t, struct error *err)
{
	struct paths paths = {0};
	int r;

	if (t->run_dir)
		return 0;
	r = paths_init(&paths, err);
	if (r < 0)
		return r;
	t->run_dir = strdup(paths.run);
	paths_done(&paths);
	return t->run_dir ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* Signals are caught first: from then on one of them does not lose what was said. */
static int tap_begin(struct tap *t, struct error *err)
{
	int r = open_stdin(t, err);

	if (r == 0)
		r = default_run_dir(t, err);
	if (r < 0)
		return r;
	r = catch_signals(t);
	if (r < 0)
		return error_set(err, r, "cannot catch signals: %s", strerror(-r));
	r = pipe_slot_take(&t->slot, t->run_dir, &t->id, t->has_instance, err);
	if (r < 0)
		return r;
	r = inlet_init(&t->inlet, t->run_dir, &t->id, clock_at_usec(), t->read_end);
	t->inlet.alone_usec = clock_now_usec();
	return r < 0 ? error_set(err, r, "out of memory") : 0;
}

/* --- turns ------------------------------------------------------------------------------------ */

static void tap_complain(struct tap *t, usec_t now_usec)
{
	const struct inlet *i = &t->inlet;

	if (i->link >= 0 || t->told ||
	    (i->has_linked && now_usec < usec_add(i->alone_usec, ALONE_USEC_MAX)))
		return;
	(void)fprintf(stderr,
		      "slicekeep-log: no collector listens at \"%s\"; waiting for one, what comes "
		      "stays in the pipe\n",
		      i->path);
	t->told = true;
}

static int tap_timeout(const struct tap *t, usec_t now_usec)
{
	if (t->inlet.retry_usec == USEC_INFINITY)
		return -1;
	return (int)(usec_sub(t->inlet.retry_usec, now_usec) / USEC_PER_MSEC) + 1;
}

/* Whether to leave now. */
static bool tap_obey(struct tap *t)
{
	struct signalfd_siginfo info;

	while (read(t->signals, &info, sizeof(info)) == sizeof(info))
		t->orders++;
	if (t->orders == 0)
		return false;
	if (!t->has_speaker)
		pour_end(&t->pour);
	return t->orders > 1;
}

/* Return: 1 when it is time to leave, 0, negative errno. */
static int tap_turn(struct tap *t, struct error *err)
{
	usec_t now_usec = clock_now_usec();
	struct pollfd fds[3] = {{.fd = t->signals, .events = POLLIN}};
	int r = inlet_pump(&t->inlet, now_usec, err);

	if (r < 0)
		return r;
	tap_complain(t, now_usec);
	fds[1] = (struct pollfd){.fd = t->inlet.link, .events = POLLIN};
	fds[2] = t->has_pour ? pour_wait(&t->pour) : (struct pollfd){.fd = -1};
	if (poll(fds, ARRAY_LEN(fds), tap_timeout(t, now_usec)) < 0)
		return errno == EINTR ? 0 : error_set(err, -errno, "cannot wait: %m");
	if (fds[2].revents) {
		r = pour_turn(&t->pour);
		if (r < 0)
			return error_set(err, r, "cannot read stdin: %s", strerror(-r));
	}
	if (fds[1].revents && inlet_read(&t->inlet, clock_now_usec()))
		return 1;
	return fds[0].revents && tap_obey(t);
}

/* What nobody has, when we leave. */
static int tap_left(const struct tap *t)
{
	int left = 0, on_its_way = 0;

	if (t->inlet.link >= 0 || ioctl(t->read_end, FIONREAD, &left) < 0)
		return 0;
	if (t->inlet.transit_fd >= 0 && ioctl(t->inlet.transit_fd, FIONREAD, &on_its_way) == 0)
		left += on_its_way;
	if (left == 0)
		return 0;
	(void)fprintf(stderr, "slicekeep-log: %d bytes are lost: no collector was there for them\n",
		      left);
	return 1;
}

static int tap_run(struct tap *t)
{
	struct error err = {0};
	int r = tap_begin(t, &err);

	while (r == 0)
		r = tap_turn(t, &err);
	if (r < 0)
		say(err.text);
	return r < 0 ? 1 : tap_left(t);
}

static void tap_done(struct tap *t)
{
	inlet_done(&t->inlet);
	pour_end(&t->pour);
	pipe_slot_done(&t->slot);
	close_fd(&t->signals);
	free(t->run_dir);
}

int pipe_main(int argc, char **argv)
{
	struct tap t = {.id.stream = INTAKE_STREAM_OUT,
			.slot.fd = -1,
			.inlet.link = -1,
			.pour.to = -1,
			.read_end = -1,
			.signals = -1};
	struct error err = {0};
	int code;

	if (argc == 1 && strcmp(argv[0], "--help") == 0) {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (take_words(&t, argc, argv, &err) < 0) {
		say(err.text);
		(void)fputs(usage, stderr);
		code = EXIT_USAGE;
	} else {
		code = tap_run(&t);
	}
	tap_done(&t);
	return code;
}
