#include "base/internal/unpack.h"

#include <lzma.h>
#define ZLIB_CONST  // zlib takes what it reads as const
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>

namespace hoego::internal {
namespace {

constexpr uint64_t kXzMemory = 512ULL << 20;  // level 9 needs 65 MiB
constexpr int kZstdWindowLog = 27;            // 128 MiB: what the tool accepts by default

unsigned Cap(size_t n) {
  return static_cast<unsigned>(std::min<size_t>(n, std::numeric_limits<unsigned>::max()));
}

class PlainUnpacker final : public Unpacker {
 public:
  Result<Step> Feed(std::string_view in, bool /*last*/, std::span<char> out) override {
    const size_t n = std::min(in.size(), out.size());
    std::copy_n(in.data(), n, out.data());
    return Step{n, n};
  }
  bool complete() const override { return true; }
};

// One or more members one after another, as `cat a.gz b.gz` makes them.
class GzipUnpacker final : public Unpacker {
 public:
  GzipUnpacker() { HOEGO_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK); }
  GzipUnpacker(const GzipUnpacker&) = delete;
  GzipUnpacker& operator=(const GzipUnpacker&) = delete;
  ~GzipUnpacker() override { inflateEnd(&stream_); }

  Result<Step> Feed(std::string_view in, bool /*last*/, std::span<char> out) override {
    if (ended_ && !in.empty()) {
      HOEGO_CHECK(inflateReset(&stream_) == Z_OK);
      ended_ = false;
    }
    stream_.next_in = reinterpret_cast<const Bytef*>(in.data());
    stream_.avail_in = Cap(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = Cap(out.size());
    const unsigned had_in = stream_.avail_in;
    const unsigned had_out = stream_.avail_out;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return Status::DataLoss(fmt::format("damaged gzip data: {}",
                                          stream_.msg != nullptr ? stream_.msg : "cannot go on"));
    }
    ended_ = code == Z_STREAM_END;
    return Step{had_in - stream_.avail_in, had_out - stream_.avail_out};
  }
  bool complete() const override { return ended_; }

 private:
  z_stream stream_{};
  bool ended_ = false;
};

class XzUnpacker final : public Unpacker {
 public:
  XzUnpacker() {
    HOEGO_CHECK(lzma_stream_decoder(&stream_, kXzMemory, LZMA_CONCATENATED) == LZMA_OK);
  }
  XzUnpacker(const XzUnpacker&) = delete;
  XzUnpacker& operator=(const XzUnpacker&) = delete;
  ~XzUnpacker() override { lzma_end(&stream_); }

  Result<Step> Feed(std::string_view in, bool last, std::span<char> out) override {
    stream_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const lzma_ret code = lzma_code(&stream_, last ? LZMA_FINISH : LZMA_RUN);
    if (code == LZMA_MEMLIMIT_ERROR) {
      return Status::ResourceExhausted(
          fmt::format("xz data needs more than {} bytes of memory to unpack", kXzMemory));
    }
    if (code != LZMA_OK && code != LZMA_STREAM_END && code != LZMA_BUF_ERROR) {
      return Status::DataLoss(
          fmt::format("damaged xz data (liblzma code {})", static_cast<int>(code)));
    }
    ended_ = code == LZMA_STREAM_END;
    return Step{in.size() - stream_.avail_in, out.size() - stream_.avail_out};
  }
  bool complete() const override { return ended_; }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

class ZstdUnpacker final : public Unpacker {
 public:
  ZstdUnpacker() {
    HOEGO_CHECK(stream_ != nullptr &&
                ZSTD_isError(ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax,
                                                    kZstdWindowLog)) == 0);
  }

  Result<Step> Feed(std::string_view in, bool /*last*/, std::span<char> out) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const size_t code = ZSTD_decompressStream(stream_.get(), &to, &from);
    if (ZSTD_isError(code) != 0) {
      return Status::DataLoss(fmt::format("damaged zstd data: {}", ZSTD_getErrorName(code)));
    }
    // 0: a frame ended and all of it was given out. Nothing consumed or given out: nothing changed.
    if (from.pos > 0 || to.pos > 0) {
      ended_ = code == 0;
    }
    return Step{from.pos, to.pos};
  }
  bool complete() const override { return ended_; }

 private:
  struct Free {
    void operator()(ZSTD_DStream* s) const { ZSTD_freeDStream(s); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_{ZSTD_createDStream()};
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Unpacker> MakeUnpacker(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  if (first_bytes.starts_with("\xfd\x37\x7a\x58\x5a\x00"sv)) {
    return std::make_unique<XzUnpacker>();
  }
  if (first_bytes.starts_with("\x1f\x8b\x08"sv)) {
    return std::make_unique<GzipUnpacker>();
  }
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd"sv)) {
    return std::make_unique<ZstdUnpacker>();
  }
  return std::make_unique<PlainUnpacker>();
}

}  // namespace hoego::internal
