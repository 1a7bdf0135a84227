#include "base/line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/internal/errno_status.h"
#include "base/internal/fd.h"
#include "base/internal/unpack.h"

namespace hoego {
namespace {

constexpr size_t kPackedBytes = 128 << 10;
constexpr size_t kPlainBytes = 256 << 10;
constexpr size_t kLongestLine = 16 << 20;

}  // namespace

struct LineReader::Impl {
  std::string path;
  internal::Fd fd;
  std::unique_ptr<internal::Unpacker> unpacker;
  uint64_t file_bytes = 0;
  uint64_t bytes_read = 0;
  std::vector<char> packed;  // [packed_at, packed_end) is not yet unpacked
  size_t packed_at = 0;
  size_t packed_end = 0;
  bool packed_over = false;
  std::string plain;  // [plain_at, plain_end) is not yet given out
  size_t plain_at = 0;
  size_t plain_end = 0;
  bool plain_over = false;
  uint64_t lines = 0;

  Status ReadPacked() {
    packed_at = 0;
    packed_end = 0;
    while (packed_end < packed.size() && !packed_over) {
      const ssize_t n = ::read(fd.get(), packed.data() + packed_end, packed.size() - packed_end);
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        return internal::ErrnoStatus(errno, "read", path);
      }
      packed_over = n == 0;
      packed_end += static_cast<size_t>(n);
      bytes_read += static_cast<uint64_t>(n);
    }
    return {};
  }

  // Adds plain bytes behind plain_end, or sets plain_over.
  Status MorePlain() {
    if (plain_at > 0) {
      plain.erase(0, plain_at);
      plain_end -= plain_at;
      plain_at = 0;
    }
    plain.resize(plain_end + kPlainBytes);
    for (;;) {
      if (packed_at == packed_end && !packed_over) {
        HOEGO_TRY(ReadPacked());
      }
      const std::string_view in(packed.data() + packed_at, packed_end - packed_at);
      const std::span<char> out(plain.data() + plain_end, plain.size() - plain_end);
      auto step = unpacker->Feed(in, packed_over, out);
      if (!step.ok()) {
        return step.status().Within(path);
      }
      packed_at += step->consumed;
      plain_end += step->produced;
      if (step->produced > 0) {
        return {};
      }
      if (step->consumed == 0 && (packed_over || !in.empty())) {
        plain_over = true;
        const bool whole = packed_at == packed_end && (unpacker->complete() || bytes_read == 0);
        return whole ? Status{}
                     : Status::DataLoss(fmt::format("{}: the packed file ends too early", path));
      }
    }
  }
};

LineReader::LineReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;
LineReader::~LineReader() = default;

Result<LineReader> LineReader::Open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->fd = internal::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!impl->fd.valid() || ::fstat(impl->fd.get(), &info) != 0) {
    return internal::ErrnoStatus(errno, "open", path);
  }
  impl->file_bytes = static_cast<uint64_t>(std::max<off_t>(info.st_size, 0));
  impl->packed.resize(kPackedBytes);
  HOEGO_TRY(impl->ReadPacked());
  impl->unpacker = internal::MakeUnpacker({impl->packed.data(), impl->packed_end});
  HOEGO_TRY(impl->MorePlain());
  if (std::string_view(impl->plain.data(), impl->plain_end).starts_with("\xef\xbb\xbf")) {
    impl->plain_at = 3;  // a byte order mark is no text
  }
  return LineReader(std::move(impl));
}

Result<std::optional<std::string_view>> LineReader::Next() {
  Impl& r = *impl_;
  size_t searched = 0;
  for (;;) {
    const std::string_view rest(r.plain.data() + r.plain_at, r.plain_end - r.plain_at);
    const size_t end = rest.find('\n', searched);
    const bool found = end != std::string_view::npos;
    if (!found && rest.size() <= kLongestLine && !r.plain_over) {
      searched = rest.size();
      HOEGO_TRY(r.MorePlain());
      continue;
    }
    std::string_view line = found ? rest.substr(0, end) : rest;
    if (line.size() > kLongestLine) {
      return Status::InvalidArgument(
          fmt::format("{}:{}: a line longer than {} bytes", r.path, r.lines + 1, kLongestLine));
    }
    r.plain_at += found ? end + 1 : rest.size();
    if (!found && line.empty()) {
      return std::optional<std::string_view>();
    }
    if (!line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
    ++r.lines;
    return std::optional(line);
  }
}

uint64_t LineReader::line_number() const {
  return impl_->lines;
}

double LineReader::share_read() const {
  if (impl_->plain_over && impl_->plain_at == impl_->plain_end) {
    return 1;
  }
  const auto used = static_cast<double>(impl_->bytes_read - (impl_->packed_end - impl_->packed_at));
  return impl_->file_bytes == 0 ? 0 : std::min(1.0, used / static_cast<double>(impl_->file_bytes));
}

}  // namespace hoego
