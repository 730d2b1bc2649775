/* file_text.h: a file as it was read: for those who may need it again when it is another one. */
#ifndef POTLINE_FILE_TEXT_H
#define POTLINE_FILE_TEXT_H

#include <stddef.h>

struct pl_file_text {
    const char *path; /* as it was named */
    const char *text; /* ends in 0 and holds none */
    size_t length;
};

#endif
