#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "api/http/internal/byte_buffer.h"
#include "api/http/internal/chunk_decoder.h"
#include "api/http/internal/head.h"

namespace hoego::http::internal {

struct ReaderLimits {
  size_t max_header_bytes = 16384;
  size_t max_header_fields = 100;
  ChunkLimits chunks;
};

// Makes requests of the bytes of one connection. Knows framing and nothing else: no socket, no
// clock, no routes; so that a fuzzer can sit in front of it.
//
//        ┌──────────────────────────── kEnd ───────────────────────────┐
//        ▼                                                             │
//   head ── kHead ──▶ body (Content-Length or chunks, or none) ── kBody*┘       any ── kBroken
//   (final)
//
// Threads: one at a time.
class RequestReader {
 public:
  enum class Event { kMore, kHead, kBody, kEnd, kBroken };
  struct Step {
    Event event = Event::kMore;
    size_t used = 0;        // bytes of the input that are done with
    std::string_view body;  // of kBody: a piece; lies in the input
  };

  explicit RequestReader(const ReaderLimits& limits);

  // The next event. Bytes that were not used are offered again, at the front, with what followed
  // them. On kHead the head's bytes were copied to `block` and taken apart into `head`, whose views
  // lie in it; both may be null while !in_head().
  Step Next(std::string_view in, ByteBuffer* block, Head* head);

  const Refusal& refusal() const { return refusal_; }  // of kBroken
  bool in_head() const { return state_ == State::kHead; }

  // What is left of a body whose length is known; 0 between requests and for chunks. Whoever reads
  // it past this object says so: TookDirectly(n). Pre: n <= direct_left().
  uint64_t direct_left() const { return state_ == State::kLength ? left_ : 0; }
  void TookDirectly(uint64_t n) { left_ -= n; }

 private:
  enum class State { kHead, kLength, kChunks, kBroken };
  Step NextHead(std::string_view in, ByteBuffer& block, Head& head);
  Step NextChunk(std::string_view in);
  Step Break(Refusal refusal);

  const ReaderLimits limits_;
  State state_ = State::kHead;
  size_t scanned_ = 0;
  uint64_t left_ = 0;
  ChunkDecoder chunks_;
  Refusal refusal_{400, ""};
};

}  // namespace hoego::http::internal
