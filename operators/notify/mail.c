/* mail.c: a mail: headers that nothing from outside can break out of, and a text of any characters. */
#include <inttypes.h>
#include <potline/alloc.h>
#include <potline/text.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "notify.h"

enum { LINE_BYTES = 57, WORD_BYTES = 42 };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *put_base64(char *at, const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16;
        if (i + 1 < size) group |= (unsigned)bytes[i + 1] << 8;
        if (i + 2 < size) group |= bytes[i + 2];
        *at++ = digits[group >> 18];
        *at++ = digits[group >> 12 & 63];
        *at++ = i + 1 < size ? digits[group >> 6 & 63] : '=';
        *at++ = i + 2 < size ? digits[group & 63] : '=';
    }
    return at;
}

static char *put_text(char *at, const char *text) {
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

static bool is_plain(const char *text) {
    for (; *text; text++)
        if (*text < ' ' || *text > '~') return false;
    return true;
}

/* A header's value: as it is, or in words of base64 (RFC 2047), which are cut between characters. */
static char *put_header(char *at, const char *name, const char *text) {
    at = put_text(put_text(at, name), ": ");
    if (is_plain(text) && strlen(text) < 900 && !strstr(text, "=?")) return put_text(put_text(at, text), "\r\n");
    for (size_t left = strlen(text); left > 0;) {
        size_t n = left < WORD_BYTES ? left : WORD_BYTES;
        if (n < left) n = pl_text_cut(text, n);
        at = put_base64(put_text(at, "=?utf-8?B?"), (const unsigned char *)text, n);
        at = put_text(at, left > n ? "?=\r\n " : "?=\r\n");
        text += n;
        left -= n;
    }
    return at;
}

static char *put_date(char *at, pl_time time) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(time / PL_SECOND);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc)) return at;
    return at + sprintf(at, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[utc.tm_wday], utc.tm_mday,
                        months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/* The same Message-ID each time that it is sent: mail programs show it once. */
static char *put_ids(char *at, const struct notify *s, const struct waiting *record) {
    char id[ID_TEXT];
    const char *host = strrchr(s->sender, '@');
    text_id(id, record->id);
    at += sprintf(at, "Message-ID: <%s.potline%.255s>\r\nX-Potline-Notification: %s\r\n", id,
                  host ? host : "@localhost", id);
    at += sprintf(at, "X-Potline-Attempt: %" PRIu32 "\r\nAuto-Submitted: auto-generated\r\n", record->attempts + 1);
    if (record->severity >= 667) at = put_text(at, "X-Priority: 1\r\nImportance: high\r\n");
    return at;
}

static size_t room_for(const char *text) {
    return strlen(text) * 2 + strlen(text) / WORD_BYTES * 16 + 1024;
}

char *mail_write(const struct notify *s, const struct waiting *record, const char *to, const char *subject,
                 const char *text) {
    char *mail = pl_alloc(room_for(subject) + room_for(text) + room_for(to) + room_for(s->sender) + 1024), *at = mail;
    if (!mail) return NULL;
    at = put_header(at, "From", s->sender);
    at = put_header(at, "To", to);
    at = put_header(at, "Subject", subject);
    at = put_ids(put_date(at, record->made), s, record);
    at = put_text(at, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: base64\r\n\r\n");
    for (size_t left = strlen(text); left > 0;) {
        size_t n = left < LINE_BYTES ? left : LINE_BYTES;
        at = put_text(put_base64(at, (const unsigned char *)text, n), "\r\n");
        text += n;
        left -= n;
    }
    *at = 0;
    return mail;
}
