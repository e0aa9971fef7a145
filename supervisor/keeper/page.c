/* SPDX-License-Identifier: MIT */

/*
 * The page: who runs, since when, and how the last lives ended, in a memfd. It is shared with the
 * child, which writes its pid and a failed step there before exec (so it costs no pipe to know that
 * an exec failed), and it goes on when the keeper's program is replaced. Only its first part is
 * touched as long as nothing has died; the ring behind it costs memory when it holds something.
 *
 * Under a manager that keeps the page for us it outlives the keeper itself, which may be killed at
 * any instruction. So each thing in it is whole at any instant: a state is written beside the last
 * one and then named the newest, a report is counted when it stands.
 */

#include "supervisor/keeper/page.h"

#include <sys/mman.h>
#include <sys/stat.h>

static struct page *map_page(int fd)
{
	void *map = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return map == MAP_FAILED ? NULL : map;
}

int page_new(struct page **ret_page, int *ret_fd)
{
	cleanup_close int fd = memfd_create("slicekeep-page", MFD_CLOEXEC);
	struct page *page;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(*page)) < 0)
		return -errno;
	page = map_page(fd);
	if (!page)
		return -errno;
	page->magic = PAGE_MAGIC;
	page->version = PAGE_VERSION;
	page->keeper_pid = getpid();
	*ret_page = page;
	*ret_fd = steal_fd(&fd);
	return 0;
}

int page_open(int fd, struct page **ret_page)
{
	struct page *page;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size != sizeof(struct page))
		return -EBADMSG;
	page = map_page(fd);
	if (!page)
		return -errno;
	if (page->magic != PAGE_MAGIC || page->version != PAGE_VERSION) {
		(void)munmap(page, sizeof(*page));
		return -EBADMSG;
	}
	*ret_page = page;
	return 0;
}

void page_note(struct page *page, const struct page_state *state)
{
	uint64_t n = page->n_notes + 1;

	page->states[n % ARRAY_LEN(page->states)] = *state;
	__atomic_store_n(&page->n_notes, n, __ATOMIC_RELEASE);
}

const struct page_state *page_state(const struct page *page)
{
	uint64_t n = page->n_notes;

	return n == 0 ? NULL : &page->states[n % ARRAY_LEN(page->states)];
}

void page_add_exit(struct page *page, const struct keeper_exit *report)
{
	uint64_t n = page->n_exits;

	/* By a keeper that was killed before it could note that it had reported. */
	if (n > 0 && page->exits[(n - 1) % KEEPER_EXITS_MAX].life == report->life)
		n--;
	page->exits[n % KEEPER_EXITS_MAX] = *report;
	__atomic_store_n(&page->n_exits, n + 1, __ATOMIC_RELEASE);
}

const struct keeper_exit *page_exit_after(const struct page *page, uint64_t life)
{
	uint64_t n = MIN_OF(page->n_exits, (uint64_t)KEEPER_EXITS_MAX);

	for (uint64_t i = page->n_exits - n; i < page->n_exits; i++) {
		const struct keeper_exit *report = &page->exits[i % KEEPER_EXITS_MAX];

		if (report->life > life)
			return report;
	}
	return NULL;
}
