#include <utility>

#include "api/http/internal/answer.h"
#include "api/http/internal/connection.h"
#include "api/http/internal/event_feed.h"
#include "base/uuid.h"

namespace hoego::http::internal {
namespace {

constexpr size_t kStreamOut = 65536;  // of a stream in out_; the rest waits, bounded, in its feed

}  // namespace

void Connection::Answer(Exchange* exchange, Response response) {
  // The exchange is ours until Complete: its state is kHandling, which the loop's thread only
  // reads.
  if (response.body.size() > 1024 && AcceptsGzip(exchange->head.accept_encoding)) {
    CompressIfWorthwhile(response);
  }
  if (loop_->IsHere()) {
    Complete(*exchange, std::move(response));
    return;
  }
  loop_->Post([self = shared_from_this(), exchange, answer = std::move(response)]() mutable {
    self->now_ = std::chrono::steady_clock::now();
    self->Complete(*exchange, std::move(answer));
  });
}

std::shared_ptr<EventStream> Connection::Stream(Exchange* exchange) {
  auto feed = std::make_shared<EventFeed>(weak_from_this(), core_.options.max_stream_bytes);
  auto start = [self = shared_from_this(), exchange, feed] {
    if (!self->open_ || self->closing_) {
      feed->Cut();
      return;
    }
    exchange->feed = feed;
    exchange->state = Exchange::State::kStreaming;
    self->fed_at_ = std::chrono::steady_clock::now();
    if (self->draining_ || self->eof_) {
      feed->Close();
    }
    self->Advance();
  };
  if (loop_->IsHere()) {
    start();
  } else if (!loop_->Post(std::move(start))) {
    feed->Cut();
  }
  return std::make_shared<FeedHandle>(std::move(feed));
}

void Connection::Complete(Exchange& x, Response response) {
  if (!open_ || closing_) {
    return;
  }
  x.response = std::move(response);
  x.state = Exchange::State::kReady;
  Advance();  // which is under way already when the handler answers at once
}

void Connection::WakeForFeed() {
  loop_->Post([self = shared_from_this()] {
    self->now_ = std::chrono::steady_clock::now();
    self->Advance();
  });
}

// Moves every answer whose turn has come into the output, and writes.
void Connection::Flush() {
  const bool was_empty = out_.empty();
  while (open_ && !closing_ && !queue_.empty()) {
    Exchange& x = *queue_.front();
    if (x.state == Exchange::State::kReady) {
      AppendAnswer(x);
      FinishFront();
    } else if (x.state == Exchange::State::kStreaming) {
      if (!PumpStream(x)) {
        break;
      }
      FinishFront();
    } else {
      if (std::exchange(x.wants_continue, false)) {
        out_.tail().append("HTTP/1.1 100 Continue\r\n\r\n");
      }
      break;
    }
  }
  if (queue_.empty() && stop_taking_ && open_) {
    closing_ = true;
  }
  if (was_empty) {
    write_since_ = now_;
  }
  if (open_) {
    WriteOut();
  }
}

void Connection::AppendAnswer(Exchange& x) {
  if (stop_taking_ && queue_.size() == 1) {
    x.close = true;
  }
  AnswerForm form;
  form.close = x.close;
  form.http10 = x.head.http10;
  form.date = loop_->date();
  form.request_id = x.request.request_id;
  form.allow = x.match.route == nullptr ? x.match.allow : std::string_view();
  std::string& tail = out_.tail();
  AppendAnswerHead(x.response, form, x.response.body.size(), tail);
  Count(x, x.response.status);
  if (x.request.method != "HEAD" && HasBody(x.response.status)) {
    out_.Append(std::move(x.response.body));
  }
}

void Connection::Count(Exchange& x, int status) {
  // The clock is read anew: a handler that answers at once runs within one look at it.
  core_.figures.Answered(x.match.route, x.match.index, status, std::chrono::steady_clock::now() - x.started);
  if (std::exchange(x.counted, false)) {
    core_.figures.active_requests.Add(-1);
  }
}

// The front exchange is answered in full. One that ends the connection stays where it is: a read
// into its body may be under way.
void Connection::FinishFront() {
  if (queue_.front()->close) {
    closing_ = true;
    return;
  }
  std::unique_ptr<Exchange> done = std::move(queue_.front());
  queue_.erase(queue_.begin());
  core_.Uncharge(done->charged);
  loop_->GiveBack(std::move(done));
  if (queue_.empty()) {
    idle_since_ = head_since_ = now_;
  }
}

bool Connection::PumpStream(Exchange& x) {
  const bool chunked = !x.head.http10;
  if (!x.head_sent) {
    x.head_sent = true;
    x.close = x.close || x.head.http10;
    Response head{200, "text/event-stream", "", {{"Cache-Control", "no-store"}}};
    AnswerForm form{x.close, x.head.http10, chunked, loop_->date(), x.request.request_id, {}};
    AppendAnswerHead(head, form, 0, out_.tail());
    if (x.request.method == "HEAD") {
      x.feed->Cut();
      Count(x, 200);
      return true;
    }
  }
  if (out_.bytes() > kStreamOut) {
    return false;
  }
  const EventFeed::Waiting waiting = x.feed->Take();
  if (!waiting.text.empty()) {
    fed_at_ = now_;
    std::string& tail = out_.tail();
    if (chunked) {
      fmt::format_to(std::back_inserter(tail), "{:x}\r\n", waiting.text.size());
    }
    tail.append(waiting.text).append(chunked ? "\r\n" : "");
  }
  if (!waiting.last) {
    return false;
  }
  out_.tail().append(chunked ? "0\r\n\r\n" : "");
  if (stop_taking_ || draining_) {
    x.close = true;
  }
  Count(x, 200);
  return true;
}

void Connection::AnswerAndClose(Response response) {
  stop_taking_ = true;
  current_ = nullptr;
  AnswerForm form;
  form.close = true;
  form.date = loop_->date();
  std::string own_id;
  if (!queue_.empty()) {
    form.request_id = queue_.front()->request.request_id;
    Count(*queue_.front(), response.status);
  } else {
    own_id = NewUuid(SystemClock::Instance().Now()).ToString();
    form.request_id = own_id;
  }
  AppendAnswerHead(response, form, response.body.size(), out_.tail());
  out_.Append(std::move(response.body));
  closing_ = true;
  write_since_ = now_;
  WriteOut();
}

}  // namespace hoego::http::internal
