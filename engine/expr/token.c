#include "token.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <potline/text.h>

#include "base/utf8.h"

enum { SAID_MAX = 32 };

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Bytes of other alphabets are letters. */
static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_word(char c) {
    return is_letter(c) || is_digit(c) || c == '.';
}

static void advance(struct pl_expr_lexer *lexer, size_t length) {
    for (; length; length--, lexer->at++)
        lexer->column += ((unsigned char)*lexer->at & 0xC0) != 0x80;
}

static enum pl_code wrong(const struct pl_expr_token *token, struct pl_error **error, const char *what) {
    return pl_error_at(error, PL_SYNTAX, (struct pl_place){.line = 1, .column = token->column}, "%s: %s",
                       pl__expr_say(token).text, what);
}

static size_t digits(const char *text) {
    size_t n = 0;
    while (is_digit(text[n]))
        n++;
    return n;
}

static size_t number_length(const char *text) {
    size_t n = digits(text);
    if (text[n] == '.') n += 1 + digits(text + n + 1);
    if (text[n] == 'e' || text[n] == 'E') {
        size_t sign = text[n + 1] == '+' || text[n + 1] == '-';
        if (is_digit(text[n + 1 + sign])) n += 1 + sign + digits(text + n + 1 + sign);
    }
    return n;
}

static enum pl_code take_number(struct pl_expr_token *token, struct pl_error **error) {
    token->type = PL_TOKEN_NUMBER;
    token->length = number_length(token->text);
    size_t word = token->length;
    while (is_word(token->text[word]))
        word++;
    if (word > token->length) {
        token->length = word;
        return wrong(token, error, "expected a number without a unit, or a name that begins with a letter");
    }
    if (pl_text_f64(token->text, token->length, &token->number)) return PL_OK;
    return wrong(token, error, "expected a number that fits 64 bits");
}

static enum pl_code take_quoted(struct pl_expr_token *token, struct pl_error **error) {
    token->type = PL_TOKEN_QUOTED;
    const char *end = strchr(token->text + 1, '`');
    token->length = end ? (size_t)(end - token->text) + 1 : 1;
    if (!end) return wrong(token, error, "expected a second back quote, at the end of the name");
    if (token->length == 2) return wrong(token, error, "expected a name between the back quotes");
    return PL_OK;
}

/* Signs of other languages, and what they are here. */
static const struct {
    const char *sign;
    const char *here;
} foreign[] = {
    {"&&", "expected 'and'"},          {"||", "expected 'or'"}, {"!", "expected 'not' or '!='"},
    {"**", "expected '^' for powers"}, {"=", "expected '=='"},  {"<>", "expected '!='"},
};

static enum pl_code take_sign(struct pl_expr_token *token, struct pl_error **error) {
    static const char *const known[] = {"<=", ">=", "==", "!="};
    token->type = PL_TOKEN_SIGN;
    token->length = 2;
    for (size_t i = 0; i < PL_COUNT_OF(known); i++)
        if (strncmp(token->text, known[i], 2) == 0) return PL_OK;
    for (size_t i = 0; i < PL_COUNT_OF(foreign); i++) {
        token->length = strlen(foreign[i].sign);
        if (strncmp(token->text, foreign[i].sign, token->length) == 0) return wrong(token, error, foreign[i].here);
    }
    token->length = 1;
    if (strchr("<>+-*/%^(),", *token->text)) return PL_OK;
    return wrong(token, error, "expected a number, a name or an operator");
}

enum pl_code pl__expr_token(struct pl_expr_lexer *lexer, struct pl_expr_token *token, struct pl_error **error) {
    advance(lexer, strspn(lexer->at, " \t\r\n"));
    *token = (struct pl_expr_token){.type = PL_TOKEN_END, .text = lexer->at, .column = lexer->column};
    enum pl_code code = PL_OK;
    char first = *lexer->at;
    if (!first) return PL_OK;
    if (is_digit(first) || (first == '.' && is_digit(lexer->at[1]))) {
        code = take_number(token, error);
    } else if (is_letter(first)) {
        token->type = PL_TOKEN_NAME;
        while (is_word(token->text[token->length]))
            token->length++;
    } else if (first == '`') {
        code = take_quoted(token, error);
    } else {
        code = take_sign(token, error);
    }
    advance(lexer, token->length);
    if (token->type == PL_TOKEN_QUOTED && !code) {
        token->text++;
        token->length -= 2;
    }
    return code;
}

/* What steers a terminal, or is no UTF-8, is not shown. */
static void make_printable(char *text, size_t length) {
    bool utf8 = pl_utf8_check(text, length);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F || (!utf8 && (unsigned char)text[i] >= 0x80))
            text[i] = '?';
}

struct pl_expr_said pl__expr_say(const struct pl_expr_token *token) {
    struct pl_expr_said said = {"the end"};
    if (token->type == PL_TOKEN_END) return said;
    size_t length = token->length > SAID_MAX ? pl_text_cut(token->text, SAID_MAX) : token->length;
    char *at = said.text;
    *at++ = '\'';
    memcpy(at, token->text, length);
    make_printable(at, length);
    at += length;
    snprintf(at, (size_t)(said.text + sizeof said.text - at), "%s'", length < token->length ? "..." : "");
    return said;
}
