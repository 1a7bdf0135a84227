#include "api/http/internal/chunk_decoder.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "api/http/internal/beast.h"

namespace hoego::http::internal {
namespace {

// What Beast makes of the same bytes, given whole; nothing when it refuses them.
std::optional<std::string> BeastDecode(const std::string& body) {
  namespace http = boost::beast::http;
  http::request_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  parser.eager(true);
  const std::string bytes = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
  boost::beast::error_code error;
  size_t used = 0;
  while (used < bytes.size() && !parser.is_done()) {
    used += parser.put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
    if (error) {
      return std::nullopt;
    }
  }
  return parser.is_done() ? std::optional(parser.get().body()) : std::nullopt;
}

std::optional<std::string> Decode(const std::string& bytes, size_t step, ChunkLimits limits = {}) {
  ChunkDecoder decoder(limits);
  std::string body;
  for (size_t at = 0; at < bytes.size(); at += step) {
    std::string_view window = std::string_view(bytes).substr(at, step);
    while (!window.empty()) {
      const ChunkDecoder::Piece piece = decoder.Next(window);
      body.append(piece.data);
      window.remove_prefix(piece.used);
      if (piece.result == ChunkDecoder::Result::kBroken) {
        return std::nullopt;
      }
      if (piece.result == ChunkDecoder::Result::kEnd) {
        return body;
      }
    }
  }
  return std::nullopt;
}

RC_GTEST_PROP(ChunkDecoderTest, AgreesWithBeastOnWellFormedBodies, ()) {
  const auto chunks = *rc::gen::container<std::vector<std::string>>(
      rc::gen::nonEmpty(rc::gen::string<std::string>()));
  const auto extension = *rc::gen::element<std::string>("", ";a", ";a=b", ";a=\"q;r\"", ";a;b=c");
  const auto trailer = *rc::gen::element<std::string>("", "A: b\r\n", "A: b\r\nC: d\r\n");
  std::string bytes;
  std::string whole;
  for (const std::string& chunk : chunks) {
    char size[24];
    std::snprintf(size, sizeof size, "%zX", chunk.size());
    bytes.append(size).append(extension).append("\r\n").append(chunk).append("\r\n");
    whole.append(chunk);
  }
  bytes.append("0\r\n").append(trailer).append("\r\n");
  const size_t step = *rc::gen::inRange<size_t>(1, bytes.size() + 1);
  RC_ASSERT(Decode(bytes, step) == whole);
  RC_ASSERT(BeastDecode(bytes) == whole);
}

// One byte is changed: whatever we still accept, Beast reads to the same body.
RC_GTEST_PROP(ChunkDecoderTest, AcceptsNothingThatBeastReadsOtherwise, ()) {
  std::string bytes = "4;x=y\r\nabcd\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n";
  const size_t at = *rc::gen::inRange<size_t>(0, bytes.size());
  bytes[at] = *rc::gen::arbitrary<char>();
  const auto ours = Decode(bytes, *rc::gen::inRange<size_t>(1, 9));
  if (ours) {
    RC_ASSERT(BeastDecode(bytes).value_or(*ours) == *ours);
  }
}

TEST(ChunkDecoderTest, BoundsChunksLinesAndTrailers) {
  const ChunkLimits limits{2, 16, 32};
  EXPECT_EQ(Decode("1\r\na\r\n0\r\n\r\n", 100, limits), "a");
  EXPECT_EQ(Decode("1\r\na\r\n1\r\nb\r\n0\r\n\r\n", 100, limits), std::nullopt);
  EXPECT_EQ(Decode("1;" + std::string(20, 'x') + "\r\na\r\n0\r\n\r\n", 3, limits), std::nullopt);
  EXPECT_EQ(Decode("000000000000000000001\r\na\r\n0\r\n\r\n", 3, limits), std::nullopt);
  EXPECT_EQ(Decode("0\r\nA: " + std::string(40, 'x') + "\r\n\r\n", 3, limits), std::nullopt);
}

}  // namespace
}  // namespace hoego::http::internal
