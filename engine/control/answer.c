#include "control/answer.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

static bool is(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool read_status(struct pl_unpack *in, struct pl_answer *answer) {
    static const char *const names[] = {[PL_ANSWER_OK] = "ok", [PL_ANSWER_ERROR] = "error", [PL_ANSWER_MORE] = "more"};
    const char *text;
    size_t length;
    if (!pl_unpack_str(in, &text, &length)) return false;
    for (unsigned i = 0; i < PL_COUNT_OF(names); i++) {
        if (!is(text, length, names[i])) continue;
        answer->status = (enum pl_answer_status)i;
        return true;
    }
    return false;
}

static bool read_code(struct pl_unpack *in, struct pl_answer *answer) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(in, &text, &length) || length >= sizeof answer->code) return false;
    memcpy(answer->code, text, length);
    answer->code[length] = 0;
    return true;
}

static bool read_error(struct pl_unpack *in, struct pl_answer *answer) {
    const char *text;
    size_t length;
    if (answer->error || !pl_unpack_str(in, &text, &length)) return false;
    answer->error = pl_strndup(text, length);
    return answer->error != NULL;
}

/* Text keys, and values of any kind. */
static bool skip_row(struct pl_unpack *in) {
    uint32_t pairs;
    const char *key;
    size_t length;
    if (!pl_unpack_map(in, &pairs)) return false;
    for (uint32_t i = 0; i < pairs; i++)
        if (!pl_unpack_str(in, &key, &length) || !pl_unpack_skip(in)) return false;
    return true;
}

static bool read_rows(struct pl_unpack *in, struct pl_answer *answer) {
    const uint8_t *begin = in->at;
    if (answer->rows || !pl_unpack_array(in, &answer->count)) return false;
    for (uint32_t i = 0; i < answer->count; i++)
        if (!skip_row(in)) return false;
    answer->size = (size_t)(in->at - begin);
    answer->rows = pl_alloc(answer->size);
    if (answer->rows) memcpy(answer->rows, begin, answer->size);
    return answer->rows != NULL;
}

static bool read_pair(struct pl_unpack *in, struct pl_answer *answer, bool *has_status) {
    const char *key;
    size_t length;
    if (!pl_unpack_str(in, &key, &length)) return false;
    if (is(key, length, "id")) return pl_unpack_uint(in, &answer->id);
    if (is(key, length, "status")) return *has_status = read_status(in, answer);
    if (is(key, length, "cut")) return pl_unpack_bool(in, &answer->cut);
    if (is(key, length, "dropped")) return pl_unpack_uint(in, &answer->dropped);
    if (pl_unpack_nil(&(struct pl_unpack){in->at, in->end, in->failed})) return pl_unpack_skip(in);
    if (is(key, length, "code")) return read_code(in, answer);
    if (is(key, length, "error")) return read_error(in, answer);
    if (is(key, length, "rows")) return read_rows(in, answer);
    return pl_unpack_skip(in);
}

bool pl__answer_read(struct pl_answer *answer, const void *bytes, size_t size) {
    struct pl_unpack in;
    uint32_t pairs = 0;
    bool good, has_status = false;
    *answer = (struct pl_answer){0};
    pl_unpack_init(&in, bytes, size);
    good = pl_unpack_map(&in, &pairs);
    for (uint32_t i = 0; good && i < pairs; i++)
        good = read_pair(&in, answer, &has_status);
    good = good && has_status && in.at == in.end;
    if (!good) pl_answer_fini(answer);
    return good;
}

void pl_answer_fini(struct pl_answer *answer) {
    pl_free(answer->error);
    pl_free(answer->rows);
    answer->error = NULL;
    answer->rows = NULL;
    answer->size = answer->count = 0;
}
