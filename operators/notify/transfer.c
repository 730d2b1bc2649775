#include "transfer.h"

#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "transfers.h"

enum { WHY_ROOM = 200 };

struct flight {
    struct pl_transfer transfer; /* its `easy` is NULL: free */
    struct transfers *all;
    struct letter letter;
    struct curl_slist *to;
    size_t sent;
    char error[CURL_ERROR_SIZE];
    char answer[160]; /* the beginning of what the other side said */
    size_t answered;
};

struct transfers {
    struct pl_transfers *curl;
    transfer_done *done;
    void *user;
    unsigned slots;
    struct flight flights[];
};

void letter_free(struct letter *letter) {
    pl_free(letter->url);
    pl_free(letter->body);
    pl_free(letter->to);
    curl_slist_free_all(letter->headers);
    *letter = (struct letter){0};
}

static void clear(struct flight *flight) {
    curl_easy_cleanup(flight->transfer.easy);
    curl_slist_free_all(flight->to);
    letter_free(&flight->letter);
    *flight = (struct flight){.all = flight->all};
}

static void finish(struct flight *flight, enum outcome outcome, const char *why) {
    struct transfers *all = flight->all;
    char said[WHY_ROOM];
    snprintf(said, sizeof said, "%s", why);
    clear(flight);
    all->done(all->user, (unsigned)(flight - all->flights), outcome, said);
}

/* What the other side has refused for good is not tried again; too many requests or a time-out is not for good. */
static enum outcome judge(const struct flight *flight, CURLcode code) {
    long answer = 0;
    curl_easy_getinfo(flight->transfer.easy, CURLINFO_RESPONSE_CODE, &answer);
    if (flight->letter.to) {
        if (code == CURLE_OK) return OUTCOME_TAKEN;
        bool refused = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY;
        return refused && answer >= 500 && answer <= 599 ? OUTCOME_NEVER : OUTCOME_LATER;
    }
    if (code != CURLE_OK) return OUTCOME_LATER;
    if (answer >= 200 && answer <= 299) return OUTCOME_TAKEN;
    bool later = answer < 400 || answer >= 500 || answer == 408 || answer == 425 || answer == 429;
    return later ? OUTCOME_LATER : OUTCOME_NEVER;
}

static void ended(struct pl_transfer *transfer, CURLcode code) {
    struct flight *flight = (struct flight *)transfer;
    char why[WHY_ROOM];
    long answer = 0;
    enum outcome outcome = judge(flight, code);
    curl_easy_getinfo(flight->transfer.easy, CURLINFO_RESPONSE_CODE, &answer);
    if (code != CURLE_OK)
        snprintf(why, sizeof why, "%.140s", *flight->error ? flight->error : curl_easy_strerror(code));
    else if (flight->letter.to)
        snprintf(why, sizeof why, "answered %ld", answer);
    else
        snprintf(why, sizeof why, "answered %ld %.120s", answer, flight->answer);
    finish(flight, outcome, outcome == OUTCOME_TAKEN ? "" : why);
}

/* ---- A transfer ---- */

static size_t give(char *to, size_t size, size_t items, void *user) {
    struct flight *flight = user;
    size_t left = flight->letter.body_size - flight->sent, n = size * items < left ? size * items : left;
    memcpy(to, flight->letter.body + flight->sent, n);
    flight->sent += n;
    return n;
}

/* A message that has to be sent again on another connection is read from its beginning. */
static int rewind_body(void *user, curl_off_t offset, int origin) {
    struct flight *flight = user;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > flight->letter.body_size) return CURL_SEEKFUNC_FAIL;
    flight->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t hear(char *bytes, size_t size, size_t items, void *user) {
    struct flight *flight = user;
    size_t room = sizeof flight->answer - 1 - flight->answered, n = size * items;
    for (size_t i = 0; i < n && i < room; i++)
        flight->answer[flight->answered++] = (unsigned char)bytes[i] < ' ' ? ' ' : bytes[i];
    return n;
}

#define SET(option, value) (curl_easy_setopt(flight->transfer.easy, option, value) == CURLE_OK)

static bool set_common(struct flight *flight) {
    const struct letter *letter = &flight->letter;
    return SET(CURLOPT_URL, letter->url) && SET(CURLOPT_ERRORBUFFER, flight->error) &&
           SET(CURLOPT_TIMEOUT_MS, (long)letter->timeout_ms) && SET(CURLOPT_WRITEFUNCTION, hear) &&
           SET(CURLOPT_WRITEDATA, flight) &&
           SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(letter->timeout_ms / 1000 + 1)) &&
           (!*letter->ca || SET(CURLOPT_CAINFO, letter->ca)) && SET(CURLOPT_MAXAGE_CONN, 10L) &&
           (!*letter->user || (SET(CURLOPT_USERNAME, letter->user) && SET(CURLOPT_PASSWORD, letter->password)));
}

static bool set_mail(struct flight *flight) {
    const struct letter *letter = &flight->letter;
    flight->to = curl_slist_append(NULL, letter->to);
    return flight->to && SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps") && SET(CURLOPT_USE_SSL, letter->tls) &&
           SET(CURLOPT_MAIL_FROM, letter->from) && SET(CURLOPT_MAIL_RCPT, flight->to) && SET(CURLOPT_UPLOAD, 1L) &&
           SET(CURLOPT_READFUNCTION, give) && SET(CURLOPT_READDATA, flight) && SET(CURLOPT_SEEKFUNCTION, rewind_body) &&
           SET(CURLOPT_SEEKDATA, flight) && SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)letter->body_size);
}

static bool set_request(struct flight *flight) {
    const struct letter *letter = &flight->letter;
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_POSTFIELDS, letter->body) &&
           SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)letter->body_size) &&
           SET(CURLOPT_HTTPHEADER, letter->headers) && SET(CURLOPT_USERAGENT, "potline");
}

bool transfers_start(struct transfers *all, unsigned slot, struct letter *letter) {
    struct flight *flight = &all->flights[slot];
    flight->letter = *letter;
    *letter = (struct letter){0};
    flight->transfer = (struct pl_transfer){.easy = curl_easy_init(), .done = ended};
    bool good = flight->transfer.easy && set_common(flight) &&
                (flight->letter.to ? set_mail(flight) : set_request(flight)) &&
                pl_transfers_start(all->curl, &flight->transfer);
    if (!good) clear(flight);
    return good;
}

/* ---- Life cycle ---- */

struct transfers *transfers_new(struct uv_loop_s *loop, unsigned slots, transfer_done *done, void *user) {
    struct transfers *all = pl_alloc(sizeof *all + slots * sizeof(struct flight));
    if (!all) return NULL;
    all->curl = pl_transfers_new(loop);
    if (!all->curl) {
        pl_free(all);
        return NULL;
    }
    all->slots = slots;
    all->done = done;
    all->user = user;
    for (unsigned i = 0; i < slots; i++)
        all->flights[i].all = all;
    return all;
}

void transfers_free(struct transfers *all) {
    if (!all) return;
    pl_transfers_free(all->curl);
    for (unsigned i = 0; i < all->slots; i++)
        clear(&all->flights[i]);
    pl_free(all);
}
