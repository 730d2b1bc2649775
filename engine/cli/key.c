#include "key.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum pl_code pl_cli_key(const char *path, char key[PL_CLI_KEY], struct pl_error **error) {
    char line[128] = "";
    FILE *file = fopen(path, "re");
    if (!file) return pl_error_set(error, PL_NOT_FOUND, "a secret key expected in %s: %s", path, strerror(errno));
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    line[strcspn(line, " \t\r\n")] = 0;
    bool good = read && strlen(line) == PL_CLI_KEY - 1;
    if (good) memcpy(key, line, PL_CLI_KEY);
    explicit_bzero(line, sizeof line);
    return good ? PL_OK : pl_error_set(error, PL_SYNTAX, "a key of 40 characters of Z85 expected in %s", path);
}
