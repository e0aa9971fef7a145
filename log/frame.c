/* SPDX-License-Identifier: MIT */

/*
 * One frame of zstd, from memory to memory: the only place that knows the library.
 *
 * Each frame says how much it holds and ends in a checksum of that, so a frame is either whole or
 * known to be damaged, whatever its neighbours are.
 */

#include "log/frame.h"

#include <zstd.h>

/* The library's own default: three times the speed at which a disk takes what comes out. */
#define LEVEL 3

size_t frame_packed_max(void)
{
	return ZSTD_COMPRESSBOUND(FRAME_BYTES_MAX);
}

/* The library's contexts under our names. */
static ZSTD_CCtx *packer_context(struct frame_packer *p)
{
	return (ZSTD_CCtx *)p;
}

static ZSTD_DCtx *unpacker_context(struct frame_unpacker *u)
{
	return (ZSTD_DCtx *)u;
}

int frame_packer_new(struct frame_packer **ret_packer)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();

	if (!c)
		return -ENOMEM;
	if (ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL))) {
		(void)ZSTD_freeCCtx(c);
		return -ENOMEM;
	}
	*ret_packer = (struct frame_packer *)c;
	return 0;
}

void frame_packer_free(struct frame_packer *p)
{
	(void)ZSTD_freeCCtx(packer_context(p));
}

ssize_t frame_pack(struct frame_packer *p, void *to, const void *from, size_t n_from)
{
	size_t n = ZSTD_compress2(packer_context(p), to, frame_packed_max(), from, n_from);

	return ZSTD_isError(n) ? -ENOMEM : (ssize_t)n;
}

int frame_unpacker_new(struct frame_unpacker **ret_unpacker)
{
	*ret_unpacker = (struct frame_unpacker *)ZSTD_createDCtx();
	return *ret_unpacker ? 0 : -ENOMEM;
}

void frame_unpacker_free(struct frame_unpacker *u)
{
	(void)ZSTD_freeDCtx(unpacker_context(u));
}

int frame_unpack(struct frame_unpacker *u, void *to, size_t n_to, const void *from, size_t n_from)
{
	size_t n = ZSTD_decompressDCtx(unpacker_context(u), to, n_to, from, n_from);

	return ZSTD_isError(n) || n != n_to ? -EBADMSG : 0;
}

int frame_measure(const void *from, size_t n_from, size_t *ret_packed, size_t *ret_bytes)
{
	unsigned long long bytes = ZSTD_getFrameContentSize(from, n_from);
	size_t packed = ZSTD_findFrameCompressedSize(from, n_from);

	if (bytes == 0 || bytes > FRAME_BYTES_MAX) /* errors are the largest numbers */
		return -EBADMSG;
	*ret_packed = ZSTD_isError(packed) ? 0 : packed;
	*ret_bytes = (size_t)bytes;
	return 0;
}
