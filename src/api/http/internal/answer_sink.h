#pragma once

#include <memory>

#include "api/http/responder.h"

namespace hoego::http::internal {

// Whoever takes a Responder's answer: a connection, or a function in an in-process call.
// Threads: every method from any thread.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void Answer(Exchange* exchange, Response response) = 0;
  virtual std::shared_ptr<EventStream> Stream(Exchange* exchange) = 0;
  virtual bool gone() const = 0;
};

}  // namespace hoego::http::internal
