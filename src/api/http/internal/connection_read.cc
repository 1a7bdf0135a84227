#include <new>
#include <utility>

#include "api/http/internal/answer.h"
#include "api/http/internal/connection.h"
#include "base/line_reader.h"
#include "base/log.h"
#include "base/uuid.h"

namespace hoego::http::internal {
namespace {

constexpr uint64_t kMaxDiscard = 65536;       // of a refused body; longer ones end the connection
constexpr size_t kMaxFallbackBody = 1 << 20;  // for a path that nobody owns

}  // namespace

bool Connection::HasRoom() const {
  return queue_.size() < static_cast<size_t>(core_.options.max_pipelined) &&
         out_.bytes() < core_.options.max_unsent_bytes;
}

void Connection::Advance() {
  if (advancing_ || !open_) {
    return;
  }
  advancing_ = true;
  bool blocked = true;
  while (blocked && open_) {
    blocked = TakeRequests();
    Flush();
    blocked = blocked && HasRoom() && !stop_taking_;
  }
  advancing_ = false;
  StartRead();
}

bool Connection::TakeRequests() {
  while (open_ && !stop_taking_) {
    if (current_ == nullptr && !discarding_) {
      if (unread().empty()) {
        return false;
      }
      if (!HasRoom()) {
        return true;
      }
      if (fresh_ == nullptr) {
        fresh_ = loop_->TakeExchange();
      }
    }
    if (!TakeStep()) {
      return false;
    }
  }
  return false;
}

bool Connection::TakeStep() {
  const RequestReader::Step step = fresh_ != nullptr
                                       ? reader_.Next(unread(), &fresh_->block, &fresh_->head)
                                       : reader_.Next(unread(), nullptr, nullptr);
  in_begin_ += step.used;
  switch (step.event) {
    case RequestReader::Event::kMore:
      if (fresh_ != nullptr && unread().empty()) {
        loop_->GiveBack(std::move(fresh_));
      }
      return step.used > 0 && !unread().empty();
    case RequestReader::Event::kHead:
      OnHead();
      return true;
    case RequestReader::Event::kBody:
      OnBody(step.body);
      return true;
    case RequestReader::Event::kEnd:
      OnEnd();
      return true;
    case RequestReader::Event::kBroken:
      break;
  }
  if (current_ != nullptr) {
    const Refusal& why = reader_.refusal();
    Refuse(*current_, Problem(why.status, Status::InvalidArgument(why.detail)), true);
  } else {
    RefuseHead(reader_.refusal());
  }
  return false;
}

void Connection::OnHead() {
  served_ = true;
  queue_.push_back(std::move(fresh_));
  Exchange& x = *queue_.back();
  current_ = &x;
  x.started = now_;
  body_since_ = now_;
  body_bytes_ = 0;
  x.request.method = x.head.method;
  x.request.target = x.head.target;
  x.request.path = x.head.target.substr(0, x.head.target.find('?'));
  x.request.remote = remote_;
  x.request.headers = x.head.fields;
  if (IsGoodRequestId(x.head.request_id)) {
    x.request.request_id = x.head.request_id;
  } else {
    x.request.request_id = NewUuid(SystemClock::Instance().Now()).ToString();
  }
  x.close = !x.head.keep_alive;
  const bool has_body = x.head.chunked || x.head.content_length.value_or(0) > 0;
  x.wants_continue = x.head.expects_continue && has_body;
  std::optional<Response> refused = CheckHead(x);
  if (!refused) {
    refused = FindRoute(x);
  }
  if (refused) {
    const bool small = !x.head.chunked && x.head.content_length.value_or(0) <= kMaxDiscard;
    Refuse(x, *std::move(refused), has_body && (!small || x.wants_continue));
  }
}

std::optional<Response> Connection::CheckHead(Exchange& x) {
  const bool same_host =
      x.head.host && *x.head.host == good_host_ && !good_host_.empty() && x.head.authority.empty();
  if (!same_host) {
    if (const auto refusal = core_.guard.CheckHost(x.head, local_)) {
      return Problem(refusal->status, Status::PermissionDenied(refusal->detail));
    }
    good_host_ = x.head.host.value_or(std::string_view());
  }
  if (const auto refusal = core_.guard.CheckOrigin(x.head)) {
    return Problem(refusal->status, Status::PermissionDenied(refusal->detail));
  }
  const std::string_view coding = x.head.content_encoding;
  if (!coding.empty() && !EqualsIgnoringCase(coding, "gzip") &&
      !EqualsIgnoringCase(coding, "x-gzip") && !EqualsIgnoringCase(coding, "identity")) {
    Response response =
        Problem(415, Status::Unimplemented("the only Content-Encoding understood is gzip"));
    response.headers.emplace_back("Accept-Encoding", "gzip, identity");
    return response;
  }
  return std::nullopt;
}

std::optional<Response> Connection::FindRoute(Exchange& x) {
  if (x.head.target == "*") {
    return Response{204, "", "", {}};
  }
  x.match = core_.router.Find(x.request.method, x.request.path, x.request.params);
  if (x.match.bad_path) {
    return Problem(
        Status::InvalidArgument("the path holds a malformed escape, a NUL, or a segment . or .."));
  }
  if (x.match.handler == nullptr) {
    return Response{204, "", "", {}};  // OPTIONS; Allow is added with the head
  }
  const RouteInfo* route = x.match.route;
  x.request.route_label = route != nullptr ? std::string_view(route->pattern) : "(unmatched)";
  x.request.allow = route != nullptr ? std::string_view() : x.match.allow;
  if (core_.router.gate()) {
    if (std::optional<Response> refused = core_.router.gate()(x.request, route)) {
      return refused;
    }
  }
  x.max_body = std::min(core_.options.max_body_bytes, route == nullptr ? kMaxFallbackBody
                                                      : route->options.max_body != 0
                                                          ? route->options.max_body
                                                          : core_.options.max_body_bytes);
  if (x.head.content_length.value_or(0) > x.max_body) {
    return Problem(413, Status::InvalidArgument(fmt::format(
                            "the body is larger than the {} bytes taken here", x.max_body)));
  }
  return std::nullopt;
}

bool Connection::ChargeBody(Exchange& x, size_t bytes) {
  if (!core_.Charge(bytes)) {
    return false;
  }
  x.charged += bytes;
  return true;
}

void Connection::OnBody(std::string_view piece) {
  if (discarding_) {
    return;
  }
  Exchange& x = *current_;
  x.wants_continue = false;
  body_bytes_ += piece.size();
  if (x.body.size() + piece.size() > x.max_body) {
    Refuse(x,
           Problem(413, Status::InvalidArgument(fmt::format(
                            "the body is larger than the {} bytes taken here", x.max_body))),
           true);
    return;
  }
  if (!ChargeBody(x, piece.size())) {
    Refuse(x, Problem(Status::Unavailable("too many request bodies at once")), true);
    return;
  }
  x.body.Append(piece);
}

void Connection::OnEnd() {
  if (std::exchange(discarding_, false)) {
    return;
  }
  Exchange& x = *std::exchange(current_, nullptr);
  x.request.body = x.body.view();
  const std::string_view coding = x.head.content_encoding;
  if (!coding.empty() && !EqualsIgnoringCase(coding, "identity") && !x.request.body.empty()) {
    if (std::optional<Response> refused = Unpack(x)) {
      x.response = *std::move(refused);
      x.state = Exchange::State::kReady;
      return;
    }
  }
  if (x.close || (draining_ && unread().empty())) {
    stop_taking_ = true;
  }
  Dispatch(x);
}

std::optional<Response> Connection::Unpack(Exchange& x) {
  const size_t most = std::min(x.max_body, core_.body_bytes_left());
  Result<std::string> unpacked = GzipDecompress(x.body.view(), most);
  if (!unpacked.ok()) {
    if (unpacked.status().code() != Code::kResourceExhausted) {
      return Problem(Status::InvalidArgument("the body is not the gzip it says it is"));
    }
    return most < x.max_body
               ? Problem(Status::Unavailable("too many request bodies at once"))
               : Problem(413, Status::InvalidArgument(fmt::format(
                                  "the unpacked body is larger than the {} bytes taken here",
                                  x.max_body)));
  }
  if (!ChargeBody(x, unpacked->size())) {
    return Problem(Status::Unavailable("too many request bodies at once"));
  }
  x.unpacked = *std::move(unpacked);
  x.request.body = x.unpacked;
  return std::nullopt;
}

void Connection::Dispatch(Exchange& x) {
  x.state = Exchange::State::kHandling;
  x.handed = now_;
  x.counted = true;
  core_.figures.active_requests.Add(1);
  Responder responder(shared_from_this(), &x);
  // A handler is foreign code: what it throws ends its request (the Responder answers 500), not us.
  try {
    (*x.match.handler)(x.request, std::move(responder));
  } catch (const std::bad_alloc&) {
    Log(LogLevel::kError, "http", "a handler ran out of memory");
  } catch (const std::exception& e) {
    Log(LogLevel::kError, "http", "a handler threw", {{"what", e.what()}});
  }
}

// Answers in the request's turn, without a handler. The rest of its body is skipped, or ends the
// connection.
void Connection::Refuse(Exchange& x, Response response, bool close) {
  x.response = std::move(response);
  x.state = Exchange::State::kReady;
  x.wants_continue = false;
  x.close = x.close || close;
  current_ = nullptr;
  if (x.close) {
    stop_taking_ = true;
  } else {
    discarding_ = true;
  }
}

void Connection::RefuseHead(Refusal refusal) {
  served_ = true;
  if (fresh_ == nullptr) {
    fresh_ = loop_->TakeExchange();
  }
  queue_.push_back(std::move(fresh_));
  Exchange& x = *queue_.back();
  x.started = now_;
  x.request.request_id = NewUuid(SystemClock::Instance().Now()).ToString();
  x.match = {};
  Refuse(x, Problem(refusal.status, Status::InvalidArgument(std::move(refusal.detail))), true);
}

}  // namespace hoego::http::internal
