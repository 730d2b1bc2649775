/* carriers.c: what differs between a mail and a request. */
#include <potline/alloc.h>
#include <string.h>

#include "notify.h"

static bool sound_address(const char *text) {
    const char *at = strchr(text, '@');
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c > '~' || strchr("<>\"(),;:\\", *c)) return false;
    return at && at > text && at[1] && !strchr(at + 1, '@');
}

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* ---- Mail ---- */

static bool mail_letter(const struct notify *s, const struct waiting *record, const char *subject,
                        struct letter *letter) {
    const struct person *person = person_find(s, record->user);
    char *title = text_fill(s, record, subject, s->subject, ESCAPE_LINE);
    char *text = text_fill(s, record, subject, s->text, ESCAPE_NONE);
    static const long tls[] = {CURLUSESSL_ALL, CURLUSESSL_TRY, CURLUSESSL_NONE};
    *letter =
        (struct letter){.url = pl_strdup(s->server),
                        .to = pl_strdup(person ? person->to : ""),
                        .body = title && text ? mail_write(s, record, person ? person->to : "", title, text) : NULL,
                        .from = s->sender,
                        .user = s->tls_user,
                        .password = s->password,
                        .ca = s->ca,
                        .tls = tls[s->tls],
                        .timeout_ms = s->timeout / PL_MILLISECOND};
    pl_free(title);
    pl_free(text);
    if (letter->body) letter->body_size = strlen(letter->body);
    return letter->url && letter->to && letter->body;
}

static void mail_check(const struct notify *s, struct pl_check *check) {
    const struct person *people = s->people.items;
    if (!begins(s->server, "smtp://") && !begins(s->server, "smtps://"))
        pl_check_error(check, "server", "expected smtp://HOST:PORT or smtps://HOST:PORT");
    if (!sound_address(s->sender)) pl_check_error(check, "sender", "'%s' is no address", s->sender);
    for (uint32_t i = 0; i < s->people.count; i++)
        if (!sound_address(people[i].to))
            pl_check_error(check, "people", "%s: '%s' is no address of mail", people[i].user, people[i].to);
    if (*s->tls_user && s->tls != 0 && begins(s->server, "smtp://"))
        pl_check_warning(check, "tls", "the password %s over the line as everybody can read it",
                         s->tls == 2 ? "goes" : "may go");
}

const struct carrier mail_carrier = {.write = mail_letter, .check = mail_check};

/* ---- Requests ---- */

static enum escape escape_of(const struct notify *s) {
    if (strstr(s->content, "json")) return ESCAPE_JSON;
    return strstr(s->content, "urlencoded") ? ESCAPE_URL : ESCAPE_NONE;
}

static bool add_header(struct letter *letter, const char *name, const char *value) {
    size_t size = strlen(name) + strlen(value) + 3;
    char *line = pl_alloc(size);
    if (!line) return false;
    memcpy(line, name, strlen(name));
    memcpy(line + strlen(name), ": ", 2);
    memcpy(line + strlen(name) + 2, value, strlen(value));
    struct curl_slist *longer = curl_slist_append(letter->headers, line);
    pl_free(line);
    if (longer) letter->headers = longer;
    return longer != NULL;
}

static bool hook_letter(const struct notify *s, const struct waiting *record, const char *subject,
                        struct letter *letter) {
    const struct pl_pair *headers = s->headers.items;
    char id[ID_TEXT];
    text_id(id, record->id);
    *letter = (struct letter){.url = text_fill(s, record, subject, s->url, ESCAPE_URL),
                              .body = text_fill(s, record, subject, s->text, escape_of(s)),
                              .user = "",
                              .ca = s->ca,
                              .timeout_ms = s->timeout / PL_MILLISECOND};
    bool good = letter->url && letter->body && add_header(letter, "Content-Type", s->content) &&
                add_header(letter, "Idempotency-Key", id) && add_header(letter, "Expect", "");
    if (letter->body) letter->body_size = strlen(letter->body);
    for (uint32_t i = 0; i < s->headers.count && good; i++) {
        char *value = text_fill(s, record, subject, headers[i].value, ESCAPE_LINE);
        good = value && add_header(letter, headers[i].name, value);
        pl_free(value);
    }
    return good;
}

static void hook_check(const struct notify *s, struct pl_check *check) {
    const struct pl_pair *headers = s->headers.items;
    if (!begins(s->url, "http://") && !begins(s->url, "https://"))
        pl_check_error(check, "url", "expected http://... or https://...");
    for (uint32_t i = 0; i < s->headers.count; i++)
        if (!*headers[i].name || strpbrk(headers[i].name, " \t\r\n:") || strpbrk(headers[i].value, "\r\n"))
            pl_check_error(check, "headers", "'%s' is no header", headers[i].name);
    if (!*s->content || strpbrk(s->content, "\r\n")) pl_check_error(check, "content", "is no type of content");
}

const struct carrier hook_carrier = {.write = hook_letter, .check = hook_check};
