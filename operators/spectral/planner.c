#include "planner.h"

pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;
