#include "api/http/internal/beast.h"
#include "api/http/internal/head.h"

namespace hoego::http::internal {
namespace {

namespace beast = boost::beast;

std::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

// Beast knows the grammar of the lines; what it lets pass and a proxy may read otherwise is refused
// here: Transfer-Encoding other than one plain "chunked", repeated Host or Content-Length.
class HeadParser final : public beast::http::basic_parser<true> {
 public:
  HeadParser(Head& head, size_t max_fields) : head_(head), max_fields_(max_fields) {
    eager(false);
    skip(false);
    header_limit(0xffffffffU);
    body_limit(boost::none);
  }

  const std::optional<Refusal>& refusal() const { return refusal_; }
  bool has_transfer_encoding() const { return has_transfer_encoding_; }

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, beast::error_code&) override {
    head_.method = View(method);
    head_.target = View(target);
    head_.http10 = version == 10;
  }
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}

  void on_field_impl(beast::http::field known, beast::string_view name, beast::string_view value,
                     beast::error_code& ec) override {
    if (head_.fields.size() >= max_fields_) {
      Refuse(431, "more header fields than are allowed", ec);
      return;
    }
    head_.fields.push_back({View(name), View(value)});
    using beast::http::field;
    switch (known) {
      case field::host:
        if (head_.host) {
          Refuse(400, "more than one Host", ec);
        }
        head_.host = View(value);
        break;
      case field::content_length:
        if (has_content_length_) {
          Refuse(400, "more than one Content-Length", ec);
        } else if (value.find(',') != beast::string_view::npos) {
          Refuse(400, "Content-Length is a list", ec);
        }
        has_content_length_ = true;
        break;
      case field::transfer_encoding:
        if (has_transfer_encoding_) {
          Refuse(400, "more than one Transfer-Encoding", ec);
        } else if (!EqualsIgnoringCase(View(value), "chunked")) {
          Refuse(501, "the only Transfer-Encoding understood is chunked", ec);
        }
        has_transfer_encoding_ = true;
        break;
      case field::origin:
        head_.origin = View(value);
        break;
      case field::expect:
        if (EqualsIgnoringCase(View(value), "100-continue")) {
          head_.expects_continue = true;
        } else {
          Refuse(417, "the only expectation understood is 100-continue", ec);
        }
        break;
      case field::accept_encoding:
        head_.accept_encoding = View(value);
        break;
      case field::content_encoding:
        if (!head_.content_encoding.empty()) {
          Refuse(400, "more than one Content-Encoding", ec);
        }
        head_.content_encoding = View(value);
        break;
      default:
        if (EqualsIgnoringCase(View(name), "x-request-id")) {
          head_.request_id = View(value);
        }
    }
  }

  void Refuse(int status, const char* detail, beast::error_code& ec) {
    refusal_ = Refusal{status, detail};
    ec = beast::http::error::bad_value;
  }

  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, beast::error_code&) override {
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body,
                                 beast::error_code&) override {
    return body.size();
  }
  void on_finish_impl(beast::error_code&) override {}

  Head& head_;
  const size_t max_fields_;
  std::optional<Refusal> refusal_;
  bool has_content_length_ = false;
  bool has_transfer_encoding_ = false;
};

Refusal Explain(const beast::error_code& ec) {
  using beast::http::error;
  const beast::http::error e = static_cast<error>(ec.value());
  switch (e) {
    case error::bad_method:
      return {400, "the request line does not start with a method and a space"};
    case error::bad_target:
      return {400, "the request target holds a byte that is not allowed"};
    case error::bad_version:
      return {505, "expected HTTP/1.1 or HTTP/1.0 and the end of the line after the target"};
    case error::bad_field:
      return {400, "a header name is empty or holds a byte that is not allowed"};
    case error::bad_value:
      return {400, "a header value holds a byte that is not allowed"};
    case error::bad_line_ending:
      return {400, "a CR stands without its LF"};
    case error::bad_content_length:
      return {400, "Content-Length is not a number, or stands beside Transfer-Encoding"};
    case error::multiple_content_length:
      return {400, "more than one Content-Length"};
    case error::bad_transfer_encoding:
      return {400, "Transfer-Encoding stands beside Content-Length, or twice"};
    default:
      return {400, "the request head is malformed"};
  }
}

// GET http://host/path → authority "host", target "/path". Leaves origin form and "*" alone.
std::optional<Refusal> ToOriginForm(Head& head) {
  if (head.target.starts_with('/') || (head.target == "*" && head.method == "OPTIONS")) {
    return std::nullopt;
  }
  const size_t scheme = head.target.find("://");
  if (scheme == std::string_view::npos ||
      (!EqualsIgnoringCase(head.target.substr(0, scheme), "http") &&
       !EqualsIgnoringCase(head.target.substr(0, scheme), "https"))) {
    return Refusal{400, "the request target is neither a path nor an http address"};
  }
  const std::string_view rest = head.target.substr(scheme + 3);
  const size_t slash = rest.find_first_of("/?");
  head.authority = rest.substr(0, slash);
  if (head.authority.empty()) {
    return Refusal{400, "the request target names no host"};
  }
  if (slash == std::string_view::npos) {
    head.target = "/";
  } else if (rest[slash] == '?') {
    return Refusal{400, "the request target has a query and no path"};
  } else {
    head.target = rest.substr(slash);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> ParseHead(std::string_view block, size_t max_fields, Head& head) {
  std::vector<HeaderField> fields = std::move(head.fields);
  fields.clear();
  head = Head{};
  head.fields = std::move(fields);
  HeadParser parser(head, max_fields);
  beast::error_code ec;
  parser.put(boost::asio::const_buffer(block.data(), block.size()), ec);
  if (parser.refusal()) {
    return parser.refusal();
  }
  if (ec) {
    return Explain(ec);
  }
  if (!parser.is_header_done()) {
    return Refusal{400, "the request head is malformed"};
  }
  head.chunked = parser.chunked();
  head.keep_alive = parser.keep_alive();
  if (const auto length = parser.content_length()) {
    head.content_length = *length;
  }
  if (head.http10 && parser.has_transfer_encoding()) {
    return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
  }
  if (head.http10) {
    head.expects_continue = false;  // RFC 9110 section 10.1.1
  }
  return ToOriginForm(head);
}

}  // namespace hoego::http::internal
