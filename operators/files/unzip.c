#include "unzip.h"

#include <stdint.h>
#include <zlib.h>
#include <zstd.h>

#include <potline/alloc.h>

enum { GZIP_WINDOW = 15 + 16 /* zlib: the largest window, gzip only */ };

struct pl_unzip {
    enum pl_unzip_kind kind;
    bool begun; /* inside of an archive */
    bool ready;
    z_stream gzip;
    ZSTD_DStream *zstd;
};

enum pl_unzip_kind pl_unzip_detect(const char *bytes, size_t size) {
    const unsigned char *b = (const unsigned char *)bytes;
    if (size >= 2 && b[0] == 0x1f && b[1] == 0x8b) return PL_UNZIP_GZIP;
    if (size >= 4 && b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd) return PL_UNZIP_ZSTD;
    return PL_UNZIP_NONE;
}

struct pl_unzip *pl_unzip_new(enum pl_unzip_kind kind) {
    struct pl_unzip *unzip = PL_NEW(struct pl_unzip);
    if (!unzip) return NULL;
    unzip->kind = kind;
    if (kind == PL_UNZIP_ZSTD) unzip->zstd = ZSTD_createDStream();
    unzip->ready = kind == PL_UNZIP_ZSTD ? unzip->zstd != NULL : inflateInit2(&unzip->gzip, GZIP_WINDOW) == Z_OK;
    if (unzip->ready) return unzip;
    pl_unzip_free(unzip);
    return NULL;
}

void pl_unzip_free(struct pl_unzip *unzip) {
    if (!unzip) return;
    if (unzip->kind == PL_UNZIP_ZSTD) ZSTD_freeDStream(unzip->zstd);
    if (unzip->kind == PL_UNZIP_GZIP && unzip->ready) inflateEnd(&unzip->gzip);
    pl_free(unzip);
}

static unsigned most(size_t size) {
    return size > UINT32_MAX ? UINT32_MAX : (unsigned)size;
}

/* Goes on without input too: zlib may hold bytes that found no room in the output before. */
static bool gunzip(struct pl_unzip *unzip, struct pl_unzip_step *step) {
    z_stream *z = &unzip->gzip;
    bool moved = true;
    while (moved && step->out_size) {
        unsigned in = z->avail_in = most(step->in_size), out = z->avail_out = most(step->out_size);
        z->next_in = (unsigned char *)(uintptr_t)step->in; /* zlib only reads it */
        z->next_out = (unsigned char *)step->out;
        int code = inflate(z, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return false;
        in -= z->avail_in;
        out -= z->avail_out;
        step->in += in;
        step->in_size -= in;
        step->out += out;
        step->out_size -= out;
        moved = in || out;
        if (moved) unzip->begun = code != Z_STREAM_END;
        if (code == Z_STREAM_END) inflateReset(z);
    }
    return true;
}

static bool unzstd(struct pl_unzip *unzip, struct pl_unzip_step *step) {
    ZSTD_inBuffer in = {step->in, step->in_size, 0};
    ZSTD_outBuffer out = {step->out, step->out_size, 0};
    bool sound = true;
    while (sound && out.pos < out.size) {
        size_t before = out.pos, used = in.pos, code = ZSTD_decompressStream(unzip->zstd, &out, &in);
        sound = !ZSTD_isError(code);
        if (sound && (in.pos > used || out.pos > before))
            unzip->begun = code != 0;
        else
            break;
    }
    step->in += in.pos;
    step->in_size -= in.pos;
    step->out += out.pos;
    step->out_size -= out.pos;
    return sound;
}

bool pl_unzip_go(struct pl_unzip *unzip, struct pl_unzip_step *step) {
    return unzip->kind == PL_UNZIP_GZIP ? gunzip(unzip, step) : unzstd(unzip, step);
}

bool pl_unzip_complete(const struct pl_unzip *unzip) {
    return !unzip->begun;
}
