#include "control/ask.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "control/control_impl.h"
#include "control/packet.h"

struct pl_ask {
    atomic_uint refs;
    _Atomic bool left;
    struct pl_ask_options options; /* its texts are in `text` */
    const char *words[PL_WORDS_MAX];
    char origin[PL_ASK_ORIGIN], correlation[PL_ASK_CORRELATION];
    char *text;
    size_t size;
    struct pl_ask *next;
};

static void release(struct pl_ask *ask) {
    if (atomic_fetch_sub(&ask->refs, 1) != 1) return;
    if (ask->text) OPENSSL_cleanse(ask->text, ask->size);
    pl_free(ask->text);
    pl_free(ask);
}

void pl_ask_unref(struct pl_ask *ask) {
    if (!ask) return;
    atomic_store(&ask->left, true);
    release(ask);
}

static const char *copy(char **at, const char *text) {
    const char *begin = *at;
    *at = stpcpy(*at, text) + 1;
    return begin;
}

static bool copy_texts(struct pl_ask *ask, const struct pl_ask_options *options) {
    ask->size = options->password ? strlen(options->password) + 1 : 1;
    for (unsigned i = 0; i < options->count; i++)
        ask->size += strlen(options->words[i]) + 1;
    char *at = ask->text = pl_alloc(ask->size);
    if (!at) return false;
    for (unsigned i = 0; i < options->count; i++)
        ask->words[i] = copy(&at, options->words[i]);
    if (options->password) ask->options.password = copy(&at, options->password);
    snprintf(ask->origin, sizeof ask->origin, "%s", options->origin ? options->origin : "");
    snprintf(ask->correlation, sizeof ask->correlation, "%s", options->correlation ? options->correlation : "");
    return true;
}

static struct pl_ask *new_ask(const struct pl_ask_options *options) {
    struct pl_ask *ask = PL_NEW(struct pl_ask);
    if (!ask) return NULL;
    atomic_init(&ask->refs, 2); /* the asker's, and ours until it is answered */
    ask->options = *options;
    if (copy_texts(ask, options)) return ask;
    pl_free(ask);
    return NULL;
}

enum pl_code pl_control_ask(struct pl_control *control, const struct pl_ask_options *options, struct pl_ask **ask,
                            struct pl_error **error) {
    *ask = NULL;
    if (options->count > PL_WORDS_MAX)
        return pl_error_set(error, PL_LIMIT, "a command has at most %d words", PL_WORDS_MAX);
    struct pl_ask *a = new_ask(options);
    if (!a) return pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
    pthread_mutex_lock(&control->lock);
    bool open = !control->closed && !atomic_load(&control->closing);
    struct pl_ask **at = &control->asked;
    while (open && *at)
        at = &(*at)->next;
    if (open) *at = a;
    pthread_mutex_unlock(&control->lock);
    if (!open) {
        release(a);
        release(a);
        return pl_error_set(error, PL_UNAVAILABLE, "the engine is ending");
    }
    uv_async_send(&control->async);
    *ask = a;
    return PL_OK;
}

/* ---- On the control thread ---- */

static struct pl_ask *take_all(struct pl_control *control) {
    pthread_mutex_lock(&control->lock);
    struct pl_ask *list = control->asked;
    control->asked = NULL;
    pthread_mutex_unlock(&control->lock);
    return list;
}

void pl__asks_begin(struct pl_control *control) {
    for (struct pl_ask *ask = take_all(control), *next; ask; ask = next) {
        next = ask->next;
        struct pl__packet packet = {.count = ask->options.count, .password = (char *)(uintptr_t)ask->options.password};
        memcpy(packet.words, ask->words, sizeof ask->words);
        packet.used = ask->size;
        pl__request_ask(control, ask, &ask->options.who, &packet);
    }
}

void pl__asks_refuse(struct pl_control *control) {
    const char *why = pl__control_leaves(control);
    for (struct pl_ask *ask = take_all(control), *next; ask; ask = next) {
        next = ask->next;
        pl__ask_reply(ask, &(struct pl_ask_reply){.status = PL_ANSWER_ERROR, .code = PL_UNAVAILABLE, .error = why});
        release(ask);
    }
}

void pl__ask_reply(struct pl_ask *ask, const struct pl_ask_reply *reply) {
    ask->options.reply(ask->options.arg, reply);
}

void pl__ask_end(struct pl_ask *ask) {
    if (ask) release(ask);
}

bool pl__ask_left(const struct pl_ask *ask) {
    return atomic_load(&ask->left);
}

const char *pl__ask_origin(const struct pl_ask *ask) {
    return ask->origin;
}

const char *pl__ask_correlation(const struct pl_ask *ask) {
    return ask->correlation;
}
