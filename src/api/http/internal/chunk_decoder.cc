#include "api/http/internal/chunk_decoder.h"

#include <algorithm>

namespace hoego::http::internal {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

}  // namespace

void ChunkDecoder::Reset() {
  *this = ChunkDecoder(limits_);
}

ChunkDecoder::Piece ChunkDecoder::Next(std::string_view in) {
  Piece piece;
  while (piece.used < in.size()) {
    if (state_ == State::kData) {
      const auto n = static_cast<size_t>(std::min<uint64_t>(left_, in.size() - piece.used));
      piece.data = in.substr(piece.used, n);
      piece.used += n;
      left_ -= n;
      if (left_ == 0) {
        state_ = State::kDataCr;
      }
      piece.result = Result::kData;
      return piece;
    }
    piece.why = Step(in[piece.used]);
    if (piece.why != nullptr) {
      piece.result = Result::kBroken;
      return piece;
    }
    ++piece.used;
    if (ended_) {
      piece.result = Result::kEnd;
      return piece;
    }
  }
  return piece;
}

const char* ChunkDecoder::Step(char c) {
  switch (state_) {
    case State::kSizeStart:
    case State::kSize:
    case State::kExtension:
    case State::kSizeLf:
      return StepSize(c);
    case State::kDataCr:
      state_ = State::kDataLf;
      return c == '\r' ? nullptr : "a chunk is longer than its size";
    case State::kDataLf:
      state_ = State::kSizeStart;
      return c == '\n' ? nullptr : "a chunk does not end in CRLF";
    case State::kData:
      break;
    case State::kTrailerStart:
    case State::kTrailer:
    case State::kTrailerLf:
    case State::kFinalLf:
      return StepTrailer(c);
  }
  return "a chunk is malformed";
}

const char* ChunkDecoder::StepSize(char c) {
  if (state_ == State::kSizeLf) {
    line_ = 0;
    state_ = left_ == 0 ? State::kTrailerStart : State::kData;
    return c == '\n' ? nullptr : "a chunk size does not end in CRLF";
  }
  if (++line_ > limits_.max_line_bytes) {
    return "a chunk size line is too long";
  }
  if (state_ == State::kExtension) {
    if (c == '\r') {
      state_ = State::kSizeLf;
      return nullptr;
    }
    return IsControl(c) ? "a chunk extension holds a control byte" : nullptr;
  }
  const int digit = HexValue(c);
  if (digit >= 0) {
    if (left_ >> 60 != 0) {
      return "a chunk size is too large";
    }
    if (state_ == State::kSizeStart && ++chunks_ > limits_.max_chunks) {
      return "the body has too many chunks";
    }
    left_ = left_ * 16 + static_cast<uint64_t>(digit);
    state_ = State::kSize;
    return nullptr;
  }
  if (state_ == State::kSizeStart || (c != ';' && c != '\r')) {
    return "a chunk size is not a hexadecimal number";
  }
  state_ = c == ';' ? State::kExtension : State::kSizeLf;
  return nullptr;
}

const char* ChunkDecoder::StepTrailer(char c) {
  if (++line_ > limits_.max_trailer_bytes) {
    return "the fields after the last chunk are too long";
  }
  switch (state_) {
    case State::kTrailerStart:
      state_ = c == '\r' ? State::kFinalLf : State::kTrailer;
      return IsControl(c) && c != '\r' ? "a trailer holds a control byte" : nullptr;
    case State::kTrailer:
      if (c == '\r') {
        state_ = State::kTrailerLf;
        return nullptr;
      }
      return IsControl(c) ? "a trailer holds a control byte" : nullptr;
    case State::kTrailerLf:
      state_ = State::kTrailerStart;
      return c == '\n' ? nullptr : "a trailer does not end in CRLF";
    default:
      ended_ = true;
      return c == '\n' ? nullptr : "the last chunk does not end in CRLF";
  }
}

}  // namespace hoego::http::internal
