/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/mailbox.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "supervisor/keeper/pipes.h"
#include "supervisor/keeper/sockets.h"

#define NO_PIPES                                          \
	{                                                 \
		.link = -1, .transit = { -1, -1, -1, -1 } \
	}

/* A pipe's write end, whose read end is only in the entry. */
static int add_pipe(struct pipes *p, uint64_t life, uint16_t stream)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	p->entries[p->n++] = (struct pipes_entry){
		.life = life, .fd = ends[0], .held = -1, .stream = stream, .is_offered = true};
	return ends[1];
}

static void close_pipes(struct pipes *p)
{
	for (size_t i = 0; i < p->n; i++)
		close_fd(&p->entries[i].fd);
	p->n = 0;
}

/* What is left of a mailbox when its keeper is dead and the manager alone has it. */
static struct mailbox inherit(struct mailbox *m)
{
	struct mailbox kept = {
		.in = fcntl(m->in, F_DUPFD_CLOEXEC, 3),
		.out = fcntl(m->out, F_DUPFD_CLOEXEC, 3),
	};

	close_fd(&m->in);
	close_fd(&m->out);
	return kept;
}

static void discard(struct mailbox *m)
{
	close_fd(&m->in);
	close_fd(&m->out);
}

static bool has_reader(int fd)
{
	return write(fd, "x", 1) == 1;
}

static int ignore_sigpipe(void **state)
{
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0;
}

static void pipes_outlive_their_keeper(void **state)
{
	struct pipes p = NO_PIPES, next = NO_PIPES;
	struct sockets none = {0};
	struct mailbox m, kept;
	int out = add_pipe(&p, 7, 1), err = add_pipe(&p, 7, 2);
	char byte;

	p.entries[1].is_over = true;
	assert_int_equal(mailbox_new(&m), 0);
	assert_int_equal(mailbox_write(&m, &p, &none), 0);
	close_pipes(&p);
	kept = inherit(&m);
	assert_true(has_reader(out));
	assert_int_equal(mailbox_read(&kept, &next, &none), 0);
	assert_int_equal(next.n, 2);
	assert_int_equal(next.entries[0].life, 7);
	assert_int_equal(next.entries[0].stream, 1);
	assert_false(next.entries[0].is_over);
	assert_false(next.entries[0].is_offered);
	assert_true(next.entries[1].is_over);
	assert_int_equal(read(next.entries[0].fd, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close_pipes(&next);
	discard(&kept);
	close_fd(&out);
	close_fd(&err);
}

static void transits_come_with_their_streams(void **state)
{
	struct pipes p = NO_PIPES, next = NO_PIPES;
	struct sockets none = {0};
	struct mailbox m, kept;
	int out = add_pipe(&p, 7, 1), ends[2];
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	p.transit[2] = ends[0];
	assert_int_equal(mailbox_new(&m), 0);
	assert_int_equal(mailbox_write(&m, &p, &none), 0);
	close_fd(&p.transit[2]);
	close_pipes(&p);
	kept = inherit(&m);
	assert_true(has_reader(ends[1]));
	assert_int_equal(mailbox_read(&kept, &next, &none), 0);
	assert_int_equal(next.n, 1);
	assert_int_equal(next.transit[1], -1);
	assert_int_equal(read(next.transit[2], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close_fd(&next.transit[2]);
	close_pipes(&next);
	discard(&kept);
	close_fd(&out);
	close_fd(&ends[1]);
}

static void letter_stays_until_the_next_is_written(void **state)
{
	struct pipes p = NO_PIPES, next = NO_PIPES;
	struct sockets none = {0};
	struct mailbox m, kept;
	int out = add_pipe(&p, 1, 1), later;

	assert_int_equal(mailbox_new(&m), 0);
	assert_int_equal(mailbox_write(&m, &p, &none), 0);
	close_pipes(&p);
	kept = inherit(&m);
	assert_int_equal(mailbox_read(&kept, &next, &none), 0);
	close_pipes(&next);
	assert_true(has_reader(out));
	later = add_pipe(&p, 2, 1);
	assert_int_equal(mailbox_write(&kept, &p, &none), 0);
	assert_false(has_reader(out));
	close_pipes(&p);
	assert_true(has_reader(later));
	discard(&kept);
	assert_false(has_reader(later));
	close_fd(&out);
	close_fd(&later);
}

static void of_two_letters_the_former_is_read_and_both_are_replaced(void **state)
{
	struct pipes p = NO_PIPES, next = NO_PIPES;
	struct sockets none = {0};
	struct mailbox m, kept;
	int first = add_pipe(&p, 1, 1), second;

	assert_int_equal(mailbox_new(&m), 0);
	assert_int_equal(mailbox_write(&m, &p, &none), 0);
	close_pipes(&p);
	second = add_pipe(&p, 2, 1);
	m.n = 0; /* killed before it could throw the first away */
	assert_int_equal(mailbox_write(&m, &p, &none), 0);
	close_pipes(&p);
	kept = inherit(&m);
	assert_int_equal(mailbox_read(&kept, &next, &none), 0);
	assert_int_equal(next.n, 1);
	assert_int_equal(next.entries[0].life, 1);
	assert_int_equal(kept.n, 2);
	close_pipes(&next);
	assert_int_equal(mailbox_write(&kept, &next, &none), 0);
	assert_false(has_reader(first));
	assert_false(has_reader(second));
	discard(&kept);
	close_fd(&first);
	close_fd(&second);
}

static void sockets_come_with_their_names(void **state)
{
	struct pipes p = NO_PIPES;
	char names[1][KEEPER_FD_NAME_MAX] = {"web"};
	struct sockets s = {0}, next = {0};
	int pair[2], fd;
	struct mailbox m;
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(sockets_set(&s, &pair[0], 1, names), 0);
	assert_int_equal(mailbox_new(&m), 0);
	assert_int_equal(mailbox_write(&m, &p, &s), 0);
	assert_int_equal(mailbox_read(&m, &p, &next), 0);
	fd = sockets_pick(&next, "web");
	assert_true(fd >= 0);
	assert_int_equal(sockets_pick(&next, "web"), -1);
	assert_int_equal(write(pair[1], "y", 1), 1);
	assert_int_equal(read(fd, &byte, 1), 1);
	close_fd(&fd);
	fd = sockets_pick(&s, "web");
	close_fd(&fd);
	close_fd(&pair[0]);
	close_fd(&pair[1]);
	discard(&m);
}

static void empty_mailbox_changes_nothing(void **state)
{
	struct pipes p = NO_PIPES;
	struct sockets s = {0};
	struct mailbox m;

	assert_int_equal(mailbox_new(&m), 0);
	assert_int_equal(mailbox_read(&m, &p, &s), 0);
	assert_int_equal(p.n, 0);
	discard(&m);
}

static void letter_of_another_version_is_thrown_away(void **state)
{
	struct pipes p = NO_PIPES;
	struct sockets s = {0};
	struct mailbox m;

	assert_int_equal(mailbox_new(&m), 0);
	assert_int_equal(send(m.out, "something else", 14, 0), 14);
	assert_int_equal(mailbox_read(&m, &p, &s), -EBADMSG);
	assert_int_equal(p.n, 0);
	assert_int_equal(mailbox_read(&m, &p, &s), 0);
	discard(&m);
}

static void without_a_mailbox_nothing_is_written(void **state)
{
	struct mailbox m = {.in = -1, .out = -1};
	struct pipes p = NO_PIPES;
	struct sockets s = {0};

	assert_int_equal(mailbox_write(&m, &p, &s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipes_outlive_their_keeper),
		cmocka_unit_test(transits_come_with_their_streams),
		cmocka_unit_test(letter_stays_until_the_next_is_written),
		cmocka_unit_test(of_two_letters_the_former_is_read_and_both_are_replaced),
		cmocka_unit_test(sockets_come_with_their_names),
		cmocka_unit_test(empty_mailbox_changes_nothing),
		cmocka_unit_test(letter_of_another_version_is_thrown_away),
		cmocka_unit_test(without_a_mailbox_nothing_is_written),
	};

	return cmocka_run_group_tests(tests, ignore_sigpipe, NULL);
}
