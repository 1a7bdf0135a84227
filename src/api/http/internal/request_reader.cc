#include "api/http/internal/request_reader.h"

#include <algorithm>
#include <utility>

namespace hoego::http::internal {

RequestReader::RequestReader(const ReaderLimits& limits)
    : limits_(limits), chunks_(limits.chunks) {}

RequestReader::Step RequestReader::Next(std::string_view in, ByteBuffer* block, Head* head) {
  switch (state_) {
    case State::kHead:
      return NextHead(in, *block, *head);
    case State::kChunks:
      return NextChunk(in);
    case State::kBroken:
      return {Event::kBroken, 0, {}};
    case State::kLength:
      break;
  }
  if (left_ == 0) {
    state_ = State::kHead;
    return {Event::kEnd, 0, {}};
  }
  const auto n = static_cast<size_t>(std::min<uint64_t>(left_, in.size()));
  left_ -= n;
  return {n == 0 ? Event::kMore : Event::kBody, n, in.substr(0, n)};
}

RequestReader::Step RequestReader::NextHead(std::string_view in, ByteBuffer& block, Head& head) {
  if (scanned_ == 0 &&
      in.starts_with('\r')) {  // RFC 9112 section 2.2: an empty line before a request
    if (in.size() == 1 || in[1] == '\n') {
      return {Event::kMore, in.size() == 1 ? size_t{0} : size_t{2}, {}};
    }
  }
  const std::string_view window = in.substr(0, limits_.max_header_bytes);
  const HeadScan scan = ScanHead(window, scanned_);
  if (scan.found == HeadScan::Found::kBroken) {
    return Break({400, scan.why});
  }
  if (scan.found == HeadScan::Found::kMore) {
    if (in.size() < limits_.max_header_bytes) {
      return {};
    }
    return window.find('\n') == std::string_view::npos
               ? Break({414, "the request line is longer than a whole head may be"})
               : Break({431, "the request head is larger than is allowed"});
  }
  scanned_ = 0;
  block.Clear(limits_.max_header_bytes);
  block.Append(window.substr(0, scan.end));
  if (auto refusal = ParseHead(block.view(), limits_.max_header_fields, head)) {
    return Break(*std::move(refusal));
  }
  left_ = head.content_length.value_or(0);
  state_ = State::kLength;
  if (head.chunked) {
    chunks_.Reset();
    state_ = State::kChunks;
  }
  return {Event::kHead, scan.end, {}};
}

RequestReader::Step RequestReader::NextChunk(std::string_view in) {
  const ChunkDecoder::Piece piece = chunks_.Next(in);
  switch (piece.result) {
    case ChunkDecoder::Result::kMore:
      return {Event::kMore, piece.used, {}};
    case ChunkDecoder::Result::kData:
      return {Event::kBody, piece.used, piece.data};
    case ChunkDecoder::Result::kEnd:
      state_ = State::kHead;
      return {Event::kEnd, piece.used, {}};
    case ChunkDecoder::Result::kBroken:
      break;
  }
  return Break({400, piece.why});
}

RequestReader::Step RequestReader::Break(Refusal refusal) {
  refusal_ = std::move(refusal);
  state_ = State::kBroken;
  return {Event::kBroken, 0, {}};
}

}  // namespace hoego::http::internal
