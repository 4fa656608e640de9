#include "system/fork_safe_mutex.hpp"

#include <pthread.h>

#include <system_error>
#include <unordered_set>

namespace framering::system {

namespace {

class Registry {
 public:
  // Never destroyed: mutexes with static storage may outlive any other object.
  static Registry& instance() {
    static auto& registry = *new Registry;
    return registry;
  }

  void insert(ForkSafeMutex* mutex) {
    const std::lock_guard lock(mutex_);
    all_.insert(mutex);
  }
  void erase(ForkSafeMutex* mutex) {
    const std::lock_guard lock(mutex_);
    all_.erase(mutex);
  }

 private:
  Registry() {
    const int error =
        ::pthread_atfork([] { instance().lock_all(); }, [] { instance().unlock_all(); },
                         [] { instance().unlock_all(); });
    if (error != 0) {
      throw std::system_error(error, std::generic_category(), "pthread_atfork");
    }
  }

  void lock_all() {
    mutex_.lock();
    for (ForkSafeMutex* mutex : all_) {
      mutex->lock();
    }
  }
  void unlock_all() {
    for (ForkSafeMutex* mutex : all_) {
      mutex->unlock();
    }
    mutex_.unlock();
  }

  std::mutex mutex_;
  std::unordered_set<ForkSafeMutex*> all_;
};

}  // namespace

ForkSafeMutex::ForkSafeMutex() { Registry::instance().insert(this); }

// A lock that fails here ends the process, as it should: nothing could be done about it.
// NOLINTNEXTLINE(bugprone-exception-escape)
ForkSafeMutex::~ForkSafeMutex() { Registry::instance().erase(this); }

}  // namespace framering::system
