/* token.h: the words of an expression. */
#ifndef POTLINE_EXPR_TOKEN_H
#define POTLINE_EXPR_TOKEN_H

#include <stddef.h>

#include <potline/error.h>

enum pl_expr_token_type {
    PL_TOKEN_END,
    PL_TOKEN_NUMBER, /* `number` */
    PL_TOKEN_NAME,   /* a word */
    PL_TOKEN_QUOTED, /* a name between back quotes; the text is what stands between them */
    PL_TOKEN_SIGN,   /* an operator, a bracket or a comma; two characters where they belong together */
};

struct pl_expr_token {
    enum pl_expr_token_type type;
    const char *text; /* within the source */
    size_t length;
    double number;
    int column; /* in characters, from 1 */
};

struct pl_expr_lexer {
    const char *at;
    int column;
};

/* The next word; after the end, the end again. */
enum pl_code pl__expr_token(struct pl_expr_lexer *lexer, struct pl_expr_token *token, struct pl_error **error);

/* What a token is, for a message: "the end", "'volt'"; cut when it is long. */
struct pl_expr_said {
    char text[48];
};
struct pl_expr_said pl__expr_say(const struct pl_expr_token *token);

#endif
