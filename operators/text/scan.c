#include "scan.h"

#include "swar.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,bmi,popcnt")))
#endif
#define INLINE static inline __attribute__((always_inline))

/* The bits of 64 bytes that are breaks, and those that are quotes. */
struct block {
    uint64_t breaks;
    uint64_t quotes;
};

/* What the scan looks for, in each byte of a vector of the level. */
struct needles {
    char delimiter, blank, quote;
};

/* Quotes decide: goes from mark to mark of one block. */
static uint32_t *walk(struct pl_scan *scan, const char *bytes, uint32_t base, struct block block, uint32_t *out) {
    for (uint64_t marks = block.breaks | block.quotes; marks; marks &= marks - 1) {
        uint32_t at = base + (uint32_t)__builtin_ctzll(marks);
        char c = bytes[at];
        if (scan->quote && c == scan->quote) {
            if (scan->quoted) {
                scan->quoted = false;
                scan->closed = at;
            } else if (at == scan->start || at == scan->closed + 1) {
                scan->quoted = true;
            }
        } else if (scan->quoted && (c != '\n' || scan->multiline)) {
            scan->hidden += c == '\n';
        } else {
            *out++ = at;
            scan->start = at + 1;
            scan->quoted = false;
        }
    }
    return out;
}

/* Positions of the bits. Most blocks have few, so six are written whether they are there or not; popcount says how far.
 */
INLINE uint32_t *put(uint32_t *out, uint64_t bits, uint32_t base) {
    uint32_t count = (uint32_t)__builtin_popcountll(bits);
    uint32_t *end = out + count;
    do {
        for (int i = 0; i < 6; i++) {
            *out++ = base + (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
            bits &= bits - 1;
        }
    } while (out < end);
    return end;
}

#define KERNEL(name, attribute, load)                                                                                  \
    attribute static uint32_t name(struct pl_scan *scan, const char *bytes, uint32_t to, uint32_t *index,              \
                                   uint32_t room) {                                                                    \
        const struct needles needles = {scan->delimiter, scan->blank, scan->quote ? scan->quote : '\n'};               \
        const uint64_t quoting = scan->quote ? UINT64_MAX : 0;                                                         \
        uint32_t *out = index, *full = index + room - PL_SCAN_ROOM;                                                    \
        uint32_t at = scan->at;                                                                                        \
        for (; at < to && out <= full; at += 64) {                                                                     \
            struct block block = load(bytes + at, needles);                                                            \
            block.quotes &= quoting;                                                                                   \
            if (__builtin_expect(to - at < 64, 0)) {                                                                   \
                block.breaks &= (UINT64_C(1) << (to - at)) - 1;                                                        \
                block.quotes &= (UINT64_C(1) << (to - at)) - 1;                                                        \
            }                                                                                                          \
            if (__builtin_expect(block.quotes || scan->quoted, 0)) {                                                   \
                out = walk(scan, bytes, at, block, out);                                                               \
            } else if (block.breaks) {                                                                                 \
                out = put(out, block.breaks, at);                                                                      \
                scan->start = at + 64 - (uint32_t)__builtin_clzll(block.breaks);                                       \
            }                                                                                                          \
        }                                                                                                              \
        scan->at = at < to ? at : to;                                                                                  \
        return (uint32_t)(out - index);                                                                                \
    }

/* The bytes of a word that equal `c`, as eight bits. Exact for every byte, unlike pl_swar_zero. */
INLINE uint64_t equal_bits(uint64_t word, char c) {
    const uint64_t low = PL_SWAR_ONES * 0x7f;
    word ^= PL_SWAR_ONES * (uint8_t)c;
    uint64_t zero = ~(((word & low) + low) | word | low);
    return (zero >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

INLINE struct block load_plain(const char *at, struct needles needles) {
    struct block block = {0, 0};
    for (int i = 0; i < 8; i++) {
        uint64_t word = pl_swar_load(at + 8 * i);
        uint64_t breaks =
            equal_bits(word, needles.delimiter) | equal_bits(word, needles.blank) | equal_bits(word, '\n');
        block.breaks |= breaks << 8 * i;
        block.quotes |= equal_bits(word, needles.quote) << 8 * i;
    }
    return block;
}
KERNEL(scan_plain, , load_plain)

#if defined(__x86_64__)
INLINE struct block load_sse2(const char *at, struct needles needles) {
    struct block block = {0, 0};
    for (int i = 0; i < 4; i++) {
        __m128i text = _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * i));
        __m128i breaks = _mm_or_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8(needles.delimiter)),
                                      _mm_or_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8(needles.blank)),
                                                   _mm_cmpeq_epi8(text, _mm_set1_epi8('\n'))));
        __m128i quotes = _mm_cmpeq_epi8(text, _mm_set1_epi8(needles.quote));
        block.breaks |= (uint64_t)(uint32_t)_mm_movemask_epi8(breaks) << 16 * i;
        block.quotes |= (uint64_t)(uint32_t)_mm_movemask_epi8(quotes) << 16 * i;
    }
    return block;
}
KERNEL(scan_sse2, , load_sse2)

AVX2 INLINE struct block load_avx2(const char *at, struct needles needles) {
    struct block block = {0, 0};
    for (int i = 0; i < 2; i++) {
        __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)(at + 32 * i));
        __m256i breaks = _mm256_or_si256(_mm256_cmpeq_epi8(text, _mm256_set1_epi8(needles.delimiter)),
                                         _mm256_or_si256(_mm256_cmpeq_epi8(text, _mm256_set1_epi8(needles.blank)),
                                                         _mm256_cmpeq_epi8(text, _mm256_set1_epi8('\n'))));
        __m256i quotes = _mm256_cmpeq_epi8(text, _mm256_set1_epi8(needles.quote));
        block.breaks |= (uint64_t)(uint32_t)_mm256_movemask_epi8(breaks) << 32 * i;
        block.quotes |= (uint64_t)(uint32_t)_mm256_movemask_epi8(quotes) << 32 * i;
    }
    return block;
}
KERNEL(scan_avx2, AVX2, load_avx2)

static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
}
#endif

static pl_scan_kernel *kernel_of(enum pl_scan_level level) {
#if defined(__x86_64__)
    if (level == PL_SCAN_AVX2) return has_avx2() ? scan_avx2 : NULL;
    if (level == PL_SCAN_SSE2) return scan_sse2;
    if (level == PL_SCAN_BEST) return has_avx2() ? scan_avx2 : scan_sse2;
#else
    if (level == PL_SCAN_AVX2 || level == PL_SCAN_SSE2) return NULL;
#endif
    return scan_plain;
}

bool pl_scan_init(struct pl_scan *scan, enum pl_scan_level level) {
    scan->kernel = kernel_of(level);
    scan->hidden = 0;
    pl_scan_restart(scan, 0);
    return scan->kernel != NULL;
}

void pl_scan_shift(struct pl_scan *scan, uint32_t by) {
    scan->at -= by;
    scan->start -= by;
    if (scan->closed != PL_SCAN_NOWHERE) scan->closed = scan->closed >= by ? scan->closed - by : PL_SCAN_NOWHERE;
}

void pl_scan_restart(struct pl_scan *scan, uint32_t at) {
    scan->at = at;
    scan->start = at;
    scan->closed = PL_SCAN_NOWHERE;
    scan->quoted = false;
}
