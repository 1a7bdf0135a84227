#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hoego::http::internal {

struct ChunkLimits {
  size_t max_chunks = 1 << 20;      // pieces of one body
  size_t max_line_bytes = 256;      // a size with its extensions
  size_t max_trailer_bytes = 4096;  // the fields after the last chunk, which are thrown away
};

// Takes a chunked body (RFC 9112 section 7.1) apart, byte by byte across any split. Strict: CRLF
// only, no space around the size, no control byte in extensions, so that no proxy reads it
// otherwise. Threads: one at a time.
class ChunkDecoder {
 public:
  enum class Result { kMore, kData, kEnd, kBroken };
  struct Piece {
    Result result = Result::kMore;
    size_t used = 0;            // bytes of the input that are done with
    std::string_view data;      // of kData: lies in the input
    const char* why = nullptr;  // of kBroken
  };

  explicit ChunkDecoder(ChunkLimits limits = {}) : limits_(limits) {}
  void Reset();
  // The next piece of the body. kMore: all input is used. After kEnd or kBroken: Reset first.
  Piece Next(std::string_view in);

 private:
  enum class State {
    kSizeStart,
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailer,
    kTrailerLf,
    kFinalLf
  };
  const char* Step(char c);  // one framing byte; non-null: broken, and why
  const char* StepSize(char c);
  const char* StepTrailer(char c);

  ChunkLimits limits_;
  State state_ = State::kSizeStart;
  bool ended_ = false;
  uint64_t left_ = 0;  // of the chunk
  size_t chunks_ = 0;
  size_t line_ = 0;  // bytes of this line, or of all trailers
};

}  // namespace hoego::http::internal
