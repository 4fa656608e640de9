// Two palette screens of an Atari emulator in, one observation out.
#pragma once

#include <cstdint>

#include "frame/preprocess_options.hpp"

namespace framering::frame {

class AtariPreprocessor {
 public:
  explicit AtariPreprocessor(const PreprocessOptions& options);

  // Writes options().output_bytes() bytes at `out`. `previous` may be null: a single screen, no
  // maximum.
  void process(const std::uint8_t* last, const std::uint8_t* previous, std::uint8_t* out);

  // Forgets what was remembered from earlier calls. It never changes a result.
  void reset();

  [[nodiscard]] const PreprocessOptions& options() const { return options_; }

 private:
  PreprocessOptions options_;
};

}  // namespace framering::frame
