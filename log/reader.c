/* SPDX-License-Identifier: MIT */

/*
 * The reader process: answers what people ask, from the files alone.
 *
 * It shares nothing with the writer but the files, the board (read-only), one socket, and its life:
 * when the writer is gone it must be too, before it takes a caller away from its successor, which
 * the next writer will start. The kernel kills it (PDEATHSIG); the socket's end of file covers a
 * writer that died before that was arranged. Whoever was connected comes back, with a cursor.
 *
 * It ends when nobody has been connected for a while: most of the time nobody asks, and its memory
 * would be a quarter of what the daemons have.
 */

#include "log/reader.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "lib/daemon.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/loop.h"

#include "log/api.h"
#include "log/board.h"
#include "log/reader-child.h"
#include "log/store.h"

struct reader {
	struct loop *loop;
	struct store store;
	struct api *api;
	struct loop_fd writer;
};

static void on_writer(int fd, int events, void *userdata)
{
	struct reader *reader = userdata;
	struct reader_request request;
	ssize_t n = recv(fd, &request, sizeof(request), 0);

	if (n == sizeof(request))
		api_rotated(reader->api, &request);
	else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		loop_stop(reader->loop, 0);
}

static int reader_begin(struct reader *reader, const char *log_dir, struct error *err)
{
	const struct board *board;
	int r;

	for (int fd = READER_FD_LISTEN; fd <= READER_FD_BOARD; fd++)
		if (fd_set_cloexec(fd, true) < 0)
			return error_set(err, -EINVAL,
					 "the reader is started by slicekeep-log itself");
	r = store_open(&reader->store, log_dir, false, err);
	if (r < 0)
		return r;
	r = board_map(READER_FD_BOARD, &board);
	if (r == 0)
		r = loop_new(&reader->loop);
	if (r == 0)
		r = api_new(reader->loop, &reader->store, board, READER_FD_LISTEN, READER_FD_WRITER,
			    &reader->api);
	if (r == 0)
		r = loop_fd_init(&reader->writer, reader->loop, READER_FD_WRITER, LOOP_READ,
				 on_writer, reader);
	return r < 0 ? error_set(err, r, "cannot start: %s", strerror(-r)) : 0;
}

int reader_main(const struct daemon_hello *hello, const char *log_dir)
{
	struct reader reader = {.store = {.dir_fd = -1}};
	struct error err = {0};
	int r;

	(void)prctl(PR_SET_NAME, "slicekeep-log");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	daemon_prepare(hello);
	r = reader_begin(&reader, log_dir, &err);
	if (r < 0)
		log_error("reader: %s", err.text);
	else
		r = loop_run(reader.loop);
	loop_fd_done(&reader.writer);
	api_free(reader.api);
	loop_free(reader.loop);
	store_done(&reader.store);
	return r < 0 ? 1 : 0;
}
