// Preloaded into a server (LD_PRELOAD): writes and syncs of the named files fail, or the process
// dies in the middle of one, when the page that the test holds says so. All else goes straight
// through.
#include "bad_disk.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

using hoego::live::BadDisk;
using WriteAt = ssize_t (*)(int, const void*, size_t, off_t);
using Sync = int (*)(int);

BadDisk* MapPage() {
  const char* const path = std::getenv(BadDisk::kVariable);
  const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    return nullptr;
  }
  void* const at = ::mmap(nullptr, sizeof(BadDisk), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return at == MAP_FAILED ? nullptr : static_cast<BadDisk*>(at);
}

BadDisk* Page() {
  static BadDisk* const page = MapPage();
  return page;
}

bool IsMeant(int fd, const BadDisk& page) {
  char link[64];
  char path[1024];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = ::readlink(link, path, sizeof path - 1);
  if (n < 0) {
    return false;
  }
  path[n] = '\0';
  return std::strstr(path, page.path_part) != nullptr;
}

// Whether this call is one that must not go well.
bool Strikes(int fd, int action) {
  BadDisk* const page = Page();
  if (page == nullptr || page->action.load() != action || !IsMeant(fd, *page) ||
      page->passes.fetch_sub(1) > 0) {
    return false;
  }
  page->hits.fetch_add(1);
  return true;
}

template <class Function>
Function Real(const char* name) {
  void* const symbol = ::dlsym(RTLD_NEXT, name);
  Function function;
  static_assert(sizeof function == sizeof symbol);
  std::memcpy(&function, &symbol, sizeof function);
  return function;
}

ssize_t Write(int fd, const void* bytes, size_t n, off_t at) {
  static const auto real = Real<WriteAt>("pwrite64");
  if (Strikes(fd, BadDisk::kDieInWrite)) {
    real(fd, bytes, n * static_cast<size_t>(Page()->per_mille.load()) / 1000, at);
    ::kill(::getpid(), SIGKILL);
  }
  if (Strikes(fd, BadDisk::kFailWrite)) {
    real(fd, bytes, n / 2, at);  // a failed write has written some part of its bytes
    errno = Page()->error.load();
    return -1;
  }
  return real(fd, bytes, n, at);
}

int SyncBy(Sync real, int fd) {
  if (Strikes(fd, BadDisk::kFailSync)) {
    errno = Page()->error.load();
    return -1;
  }
  return real(fd);
}

}  // namespace

extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t n, off_t at) {
  return Write(fd, bytes, n, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t n, off_t at) {
  return Write(fd, bytes, n, at);
}

int fdatasync(int fd) {
  static const auto real = Real<Sync>("fdatasync");
  return SyncBy(real, fd);
}

int fsync(int fd) {
  static const auto real = Real<Sync>("fsync");
  return SyncBy(real, fd);
}
}
