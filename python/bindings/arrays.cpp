#include "arrays.hpp"

#include <string_view>
#include <unordered_map>

namespace luban::bindings {
namespace {

/// Makes Python texts. The first kinds of text are remembered: most columns of a factory hold few of them.
class TextMaker {
 public:
  explicit TextMaker(const std::string& place) : place_(place) {}
  /// A new reference.
  [[nodiscard]] PyObject* make(const std::string& text, std::size_t row) {
    if (remember_) {
      if (const auto known = known_.find(text); known != known_.end()) return known->second.inc_ref().ptr();
    }
    PyObject* const made = PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "strict");
    if (made == nullptr) {
      PyErr_Clear();
      throw core::DataError({.where = "luban.arrays",
                             .expected = "texts in UTF-8",
                             .received = "other bytes",
                             .place = place_ + ", row " + std::to_string(row),
                             .hint = {}});
    }
    if (remember_) {
      known_.emplace(text, py::reinterpret_borrow<py::object>(made));
      remember_ = known_.size() < most_known;
    }
    return made;
  }

 private:
  static constexpr std::size_t most_known = 1024;
  const std::string& place_;
  std::unordered_map<std::string_view, py::object> known_;
  bool remember_ = true;
};

}  // namespace

py::array text_array(const std::vector<std::string>& texts, const std::string& place) {
  py::array array(py::dtype("O"), py::array::ShapeContainer{static_cast<py::ssize_t>(texts.size())});
  auto** out = static_cast<PyObject**>(array.mutable_data());
  TextMaker maker(place);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    PyObject* const before = out[i];
    out[i] = maker.make(texts[i], i);
    Py_XDECREF(before);
  }
  return array;
}

}  // namespace luban::bindings
