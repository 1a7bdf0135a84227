#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace hoego {

// Reads a text file line by line in bounded memory, unpacking .xz, .gz and .zst by its first bytes.
// A line longer than 16 MiB is an error. Threads: one thread at a time.
class LineReader {
 public:
  static Result<LineReader> Open(const std::string& path);
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;
  ~LineReader();

  // The next line without its line end, valid until the next call; nothing at the end of the file.
  Result<std::optional<std::string_view>> Next();
  uint64_t line_number() const;  // of the line Next gave last, from 1
  double share_read() const;     // of the packed file's bytes, 0..1: for a progress bar

 private:
  struct Impl;
  explicit LineReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Gzip (RFC 1952) for HTTP bodies.
std::string GzipCompress(std::string_view bytes, int level = 1);
// ResourceExhausted when the result would pass `most` bytes: a bomb ends there.
Result<std::string> GzipDecompress(std::string_view bytes, size_t most);

}  // namespace hoego
