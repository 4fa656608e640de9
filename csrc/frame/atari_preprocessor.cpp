#include "frame/atari_preprocessor.hpp"

#include "frame/reference.hpp"

namespace framering::frame {

AtariPreprocessor::AtariPreprocessor(const PreprocessOptions& options) : options_(options) {}

void AtariPreprocessor::process(const std::uint8_t* last, const std::uint8_t* previous,
                                std::uint8_t* out) {
  reference::preprocess(options_, last, previous, out);
}

void AtariPreprocessor::reset() {}

}  // namespace framering::frame
