#define ZLIB_CONST  // zlib takes what it reads as const
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/internal/unpack.h"
#include "base/line_reader.h"

namespace hoego {

std::string GzipCompress(std::string_view bytes, int level) {
  z_stream stream{};
  HOEGO_CHECK(deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  HOEGO_CHECK(bytes.size() <= std::numeric_limits<uInt>::max() &&
              packed.size() <= std::numeric_limits<uInt>::max());
  stream.next_in = reinterpret_cast<const Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int code = deflate(&stream, Z_FINISH);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  HOEGO_CHECK(code == Z_STREAM_END);
  return packed;
}

Result<std::string> GzipDecompress(std::string_view bytes, size_t most) {
  if (!bytes.starts_with("\x1f\x8b\x08")) {
    return Status::DataLoss("gzip body: does not begin with gzip's mark");
  }
  const auto unpacker = internal::MakeUnpacker(bytes);
  std::string plain;
  size_t done = 0;
  for (;;) {
    // One byte beyond the limit tells a body that fits exactly from a longer one.
    const size_t room =
        std::min(most - std::min(most, done) + 1, std::max<size_t>(4 * bytes.size(), 64 << 10));
    plain.resize(done + room);
    HOEGO_TRY_ASSIGN(const auto step, unpacker->Feed(bytes, true, std::span(plain).subspan(done)));
    bytes.remove_prefix(step.consumed);
    done += step.produced;
    if (done > most) {
      return Status::ResourceExhausted(
          fmt::format("gzip body: unpacks to more than {} bytes", most));
    }
    if (step.consumed == 0 && step.produced == 0) {
      plain.resize(done);
      if (!bytes.empty() || !unpacker->complete()) {
        return Status::DataLoss("gzip body: ends too early");
      }
      return plain;
    }
  }
}

}  // namespace hoego
