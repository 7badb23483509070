/* Moves the wall clock of a program that is started with this library in LD_PRELOAD: it is ahead by as many seconds as the
 * file says that MOVED_CLOCK names. No other clock moves, so nothing waits for longer or shorter. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t ahead(void)
{
    const char *name = getenv("MOVED_CLOCK");
    char text[32];
    ssize_t length = 0;
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        length = read(file, text, sizeof text - 1);
        close(file);
    }
    text[length > 0 ? length : 0] = 0;
    return (time_t)strtoll(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME)
        now->tv_sec += ahead();
    return failed;
}
