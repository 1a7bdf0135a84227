#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "api/http/request.h"
#include "api/http/response.h"

namespace hoego::http {

namespace internal {
struct Exchange;
class AnswerSink;
}  // namespace internal

// Server-sent events to one client (text/event-stream). Closed by Close(), by its destructor, by
// the client and by the server's Drain().
//
// Threads: every method from any thread; none of them waits.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // False once the client is gone, or when its bounded buffer is full (this event is then dropped
  // and the caller decides: skip, merge, or Close). Line breaks in `data` are sent as the format
  // wants; `event` and `id` end at their first one.
  virtual bool Send(std::string_view event, std::string_view data, std::string_view id = {}) = 0;
  virtual void Close() = 0;
  // Calls `ended` once: when the client is gone or the server closes the stream, or at once when
  // that was before. So what feeds the stream can be let go of without waiting for an event.
  // `ended` may let go of this object; after Close() it is no longer called.
  virtual void OnEnd(std::function<void()> ended) = 0;
};

// The right to answer one request, once, from any thread, now or later. Destroyed unanswered it
// answers 500. Moved, never copied: wrap it in a shared_ptr for a std::function.
//
// Life: may outlive its connection and its server; an answer nobody can get is dropped.
// Threads: one at a time; Send from the server's own thread costs no hand-over.
class Responder {
 public:
  Responder(std::shared_ptr<internal::AnswerSink> sink, internal::Exchange* exchange);
  // For tests and in-process calls: the answer goes to `take`; streams are refused.
  static Responder To(std::function<void(Response)> take);

  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  // Pre: called once, and not after StartEventStream. The request's views end here.
  void Send(Response response);
  void Send(const Status& status) { Send(Problem(status)); }

  // Answers 200 with a stream instead. Null when streams are not possible (in-process calls).
  // Pre: nothing sent yet. The request's views end here.
  std::shared_ptr<EventStream> StartEventStream();

  // True once the client closed its connection, half or whole: nobody is likely to read the answer.
  // May stay false for a client that went away without a word.
  bool cancelled() const;

 private:
  std::shared_ptr<internal::AnswerSink> sink_;
  internal::Exchange* exchange_ = nullptr;
};

// Called on one of the server's threads: answer at once what takes under a millisecond, hand the
// Responder to another thread for the rest.
using Handler = std::function<void(const Request& request, Responder responder)>;

}  // namespace hoego::http
