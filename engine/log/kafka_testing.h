/* kafka_testing.h: real brokers for a test program (tools/kafka/broker), for as long as it runs.
 */
#ifndef POTLINE_LOG_KAFKA_TESTING_H
#define POTLINE_LOG_KAFKA_TESTING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KAFKA_SKIPPED = 77 };

/* Sets $POTLINE_KAFKA_BROKERS, unless there are some already; else 77: they cannot be had. They end with the program's
 * end of the pipe, which is in *pipe_to. */
static int start_brokers(int *pipe_to) {
    int to[2], from[2];
    char line[256] = "";
    *pipe_to = -1;
    if (getenv("POTLINE_KAFKA_BROKERS")) return 0;
    if (pipe(to) || pipe(from)) return 1;
    pid_t child = fork();
    if (child == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[0]), close(to[1]), close(from[0]), close(from[1]);
        execl("tools/kafka/broker", "broker", (char *)NULL);
        _exit(KAFKA_SKIPPED);
    }
    close(to[0]), close(from[1]);
    FILE *said = fdopen(from[0], "r");
    if (child < 0 || !said) return 1;
    if (!fgets(line, sizeof line, said) || strncmp(line, "ready ", 6) != 0) {
        int status = 0;
        waitpid(child, &status, 0);
        fprintf(stderr, "no brokers: %s\n", line);
        return WIFEXITED(status) && WEXITSTATUS(status) == KAFKA_SKIPPED ? KAFKA_SKIPPED : 1;
    }
    line[strcspn(line, "\n")] = 0;
    *pipe_to = to[1];
    return setenv("POTLINE_KAFKA_BROKERS", line + 6, 1);
}

#endif
