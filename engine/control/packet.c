#include "control/packet.h"

#include <openssl/crypto.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "base/utf8.h"

static char *copy_text(struct pl__packet *m, struct pl_unpack *unpack) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(unpack, &text, &length) || memchr(text, 0, length) || !pl_utf8_check(text, length)) return NULL;
    char *copy = m->text + m->used; /* `text` is as long as the whole message, and each has had a byte of head */
    memcpy(copy, text, length);
    copy[length] = 0;
    m->used += length + 1;
    return copy;
}

static bool read_words(struct pl__packet *m, struct pl_unpack *unpack) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count)) return false;
    m->too_many = count > PL_WORDS_MAX;
    for (m->count = 0; m->count < count && !m->too_many; m->count++)
        if (!(m->words[m->count] = copy_text(m, unpack))) return false;
    for (uint32_t i = 0; i < count && m->too_many; i++)
        if (!pl_unpack_skip(unpack)) return false;
    return true;
}

static bool is(const char *key, size_t length, const char *name) {
    return strlen(name) == length && memcmp(key, name, length) == 0;
}

bool pl__packet_read(struct pl__packet *m, const void *bytes, size_t size) {
    struct pl_unpack unpack;
    uint32_t pairs;
    *m = (struct pl__packet){.text = pl_alloc(size + 1), .size = size + 1};
    if (!m->text) return false;
    pl_unpack_init(&unpack, bytes, size);
    if (!pl_unpack_map(&unpack, &pairs)) return false;
    for (uint32_t i = 0; i < pairs; i++) {
        const char *key;
        size_t length;
        bool good = pl_unpack_str(&unpack, &key, &length);
        if (!good) return false;
        if (is(key, length, "id"))
            good = pl_unpack_uint(&unpack, &m->id);
        else if (is(key, length, "words"))
            good = read_words(m, &unpack);
        else if (is(key, length, "session"))
            good = (m->session = copy_text(m, &unpack)) != NULL;
        else if (is(key, length, "password"))
            good = (m->password = copy_text(m, &unpack)) != NULL;
        else if (is(key, length, "renew"))
            good = pl_unpack_bool(&unpack, &m->renew);
        else if (is(key, length, "cancel"))
            good = pl_unpack_bool(&unpack, &m->cancel);
        else
            good = pl_unpack_skip(&unpack);
        if (!good) return false;
    }
    return true;
}

void pl__packet_fini(struct pl__packet *m) {
    if (m->text) OPENSSL_cleanse(m->text, m->size);
    pl_free(m->text);
}
