/* context.h: the ZeroMQ context of this plugin: one for the process, made at the first use. Any thread. */
#ifndef POTLINE_ZMQ_CONTEXT_H
#define POTLINE_ZMQ_CONTEXT_H

#include <potline/time.h>

void *pl__context_socket(int type); /* NULL and errno */

/* Closing does not wait: what was sent goes out in the background for at most `linger`, also past main's end. */
void pl__context_close(void *socket, pl_time linger);

/* A socket made here is closed by its thread when the context ends, so the end need not wait for it. */
void pl__context_disown(void);

#endif
