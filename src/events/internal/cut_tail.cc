#include "events/internal/cut_tail.h"

#include <algorithm>
#include <charconv>
#include <compare>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace hoego::events {
namespace {

constexpr std::string_view kSuffix = ".cut";
constexpr size_t kPartBytes = 1u << 20;

// A kept tail's name. The log only grows, so a later tail has a greater position, or is a further
// one at the same.
struct TailName {
  uint64_t position = 0;
  uint64_t base = 0;
  uint32_t nth = 0;

  std::string ToString() const {
    return fmt::format("{:020}.{:020}.{}{}", base, position, nth, kSuffix);
  }
  static std::optional<TailName> Parse(std::string_view name);
  friend auto operator<=>(const TailName&, const TailName&) = default;
};

std::optional<TailName> TailName::Parse(std::string_view name) {
  TailName out;
  const char* const end = name.data() + name.size();
  const auto base = std::from_chars(name.data(), end, out.base);
  if (base.ec != std::errc() || base.ptr == end) {
    return std::nullopt;
  }
  const auto position = std::from_chars(base.ptr + 1, end, out.position);
  if (position.ec != std::errc() || position.ptr == end) {
    return std::nullopt;
  }
  const auto nth = std::from_chars(position.ptr + 1, end, out.nth);
  // Only what is written the one way is ours.
  return nth.ec == std::errc() && out.ToString() == name ? std::optional(out) : std::nullopt;
}

// The file's bytes at `offset`, as far as the buffer and the file go.
Result<std::string_view> ReadPart(const File& file, uint64_t offset, std::string& buffer) {
  buffer.resize(kPartBytes);
  HOEGO_TRY_ASSIGN(const size_t got, file.ReadAt(offset, buffer));
  return std::string_view(buffer).substr(0, got);
}

Result<bool> AllZeros(const File& file, uint64_t offset) {
  std::string buffer;
  while (true) {
    HOEGO_TRY_ASSIGN(const std::string_view part, ReadPart(file, offset, buffer));
    if (part.empty()) {
      return true;
    }
    if (part.find_first_not_of('\0') != std::string_view::npos) {
      return false;
    }
    offset += part.size();
  }
}

// Whether `kept` holds exactly what `file` does from `offset` on.
Result<bool> HoldsTail(const File& kept, const File& file, uint64_t offset) {
  std::string buffer;
  std::string other;
  for (uint64_t at = 0;;) {
    HOEGO_TRY_ASSIGN(const std::string_view part, ReadPart(file, offset + at, buffer));
    HOEGO_TRY_ASSIGN(const std::string_view same, ReadPart(kept, at, other));
    if (part != same) {
      return false;
    }
    if (part.empty()) {
      return true;
    }
    at += part.size();
  }
}

Status CopyTail(Disk& disk, const File& file, uint64_t offset, const std::string& path) {
  const std::string sibling = path + ".tmp";
  const auto write = [&]() -> Status {
    HOEGO_TRY_ASSIGN(const std::unique_ptr<File> out, disk.Open(sibling, Disk::Mode::kCreate));
    HOEGO_TRY(out->Truncate(0));
    std::string buffer;
    for (uint64_t at = 0;;) {
      HOEGO_TRY_ASSIGN(const std::string_view part, ReadPart(file, offset + at, buffer));
      if (part.empty()) {
        return out->Sync();
      }
      HOEGO_TRY(out->WriteAt(at, part));
      at += part.size();
    }
  };
  if (Status written = write(); !written.ok()) {
    // The first failure is the news; a sibling left behind is overwritten by the next attempt.
    static_cast<void>(disk.Remove(sibling));
    return written;
  }
  return disk.Rename(sibling, path);
}

// Pre: newest first. The newest stays whatever its size.
Status RemoveOldTails(Disk& disk, const std::string& folder, const std::vector<TailName>& tails,
                      const TailLimits& limits) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < tails.size(); ++i) {
    const std::string path = JoinPath(folder, tails[i].ToString());
    HOEGO_TRY_ASSIGN(const auto file, disk.Open(path, Disk::Mode::kRead));
    HOEGO_TRY_ASSIGN(const uint64_t size, file->Size());
    bytes += size;
    if (i > 0 && (i >= limits.files || bytes > limits.bytes)) {
      HOEGO_TRY(disk.Remove(path));
    }
  }
  return {};
}

}  // namespace

Result<std::string> KeepTail(Disk& disk, const std::string& folder, const Segment& segment,
                             uint64_t position, const TailLimits& limits) {
  const uint64_t offset = position - segment.base;
  HOEGO_TRY_ASSIGN(const bool zeros, AllZeros(*segment.file, offset));
  if (zeros) {
    return std::string();
  }
  std::vector<TailName> tails;
  HOEGO_TRY_ASSIGN(const std::vector<std::string> names, disk.List(folder));
  for (const std::string& name : names) {
    if (const auto tail = TailName::Parse(name)) {
      tails.push_back(*tail);
    }
  }
  std::sort(tails.begin(), tails.end(), std::greater<>());
  TailName own{position, segment.base, 0};
  for (const TailName& tail : tails) {
    if (tail.position != own.position || tail.base != own.base) {
      continue;
    }
    const std::string path = JoinPath(folder, tail.ToString());
    HOEGO_TRY_ASSIGN(const auto kept, disk.Open(path, Disk::Mode::kRead));
    HOEGO_TRY_ASSIGN(const bool same, HoldsTail(*kept, *segment.file, offset));
    if (same) {
      HOEGO_TRY(disk.SyncFolder(folder));  // its name may have been in memory only
      return path;
    }
    own.nth = std::max(own.nth, tail.nth + 1);
  }
  std::string path = JoinPath(folder, own.ToString());
  HOEGO_TRY(CopyTail(disk, *segment.file, offset, path));
  tails.insert(tails.begin(), own);  // the newest, also when its position is not the greatest
  HOEGO_TRY(RemoveOldTails(disk, folder, tails, limits));
  return path;
}

}  // namespace hoego::events
