/* Lets one call on a file below a folder fail: the FAIL_AT-th write, sync or opening, counted from 1.
 *
 * FAIL_ROOT is the folder. FAIL_MODE says how it fails: "once" fails that call alone (ENOSPC; EIO for
 * syncs and for reading), "full" that call and all that follow as on a full disk, "short" writes half
 * of it first. FAIL_TOLD is a file that is made when the call has come. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static int below(const char *path) {
    const char *root = getenv("FAIL_ROOT");
    return root && path && strncmp(path, root, strlen(root)) == 0;
}

static int is_ours(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

static int mode_is(const char *mode) {
    const char *set = getenv("FAIL_MODE");
    return set && strcmp(set, mode) == 0;
}

/* 0: goes on; 1: fails; 2: is the one that comes first. */
static int comes(void) {
    const char *at = getenv("FAIL_AT");
    long number = at ? atol(at) : 0;
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (number == 0 || call < number || (call > number && mode_is("once"))) return 0;
    if (call > number) return 1;
    const char *told = getenv("FAIL_TOLD");
    if (told) {
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
        int fd = real(told, O_CREAT | O_WRONLY, 0600);
        if (fd >= 0) close(fd);
    }
    return 2;
}

#define FAIL(error) do { errno = (error); return -1; } while (0)

static int fails_open(const char *path, int flags) {
    char full[8192], here[4096];
    if (path && path[0] != '/' && getcwd(here, sizeof here)) {
        snprintf(full, sizeof full, "%s/%s", here, path);
        path = full;
    }
    if (!below(path) || !comes()) return 0;
    errno = flags & (O_CREAT | O_WRONLY | O_RDWR) ? ENOSPC : EIO;
    return 1;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name); \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        return fails_open(path, flags) ? -1 : real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        int (*real)(int, const char *, int, ...) = dlsym(RTLD_NEXT, #name); \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        return fails_open(path, flags) ? -1 : real(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *bytes, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    int how = is_ours(fd) ? comes() : 0;
    if (how == 2 && mode_is("short") && size > 1) return real(fd, bytes, size / 2);
    if (how) FAIL(ENOSPC);
    return real(fd, bytes, size);
}

#define PWRITE(name, offset_t) \
    ssize_t name(int fd, const void *bytes, size_t size, offset_t at) { \
        ssize_t (*real)(int, const void *, size_t, offset_t) = dlsym(RTLD_NEXT, #name); \
        int how = is_ours(fd) ? comes() : 0; \
        if (how == 2 && mode_is("short") && size > 1) return real(fd, bytes, size / 2, at); \
        if (how) FAIL(ENOSPC); \
        return real(fd, bytes, size, at); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int count) {
    ssize_t (*real)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "writev");
    if (is_ours(fd) && comes()) FAIL(ENOSPC);
    return real(fd, parts, count);
}

#define SYNC(name) \
    int name(int fd) { \
        int (*real)(int) = dlsym(RTLD_NEXT, #name); \
        if (is_ours(fd) && comes()) FAIL(EIO); \
        return real(fd); \
    }
SYNC(fsync)
SYNC(fdatasync)
