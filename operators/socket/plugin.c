#include "socket.h"

PL_PLUGIN(socket, "1.0", &pl__source_socket, &pl__sink_socket)
