#include <algorithm>
#include <luban/history/detail/schema.hpp>

namespace luban::history::detail {
namespace {

void append_percent(std::string& out, unsigned char byte) {
  constexpr char digits[] = "0123456789ABCDEF";
  out += '%';
  out += digits[byte >> 4];
  out += digits[byte & 0xf];
}

}  // namespace

std::string encode_name(const std::string& name, const std::vector<std::string>& reserved) {
  const bool dots = name == "." || name == "..";
  const bool taken = std::find(reserved.begin(), reserved.end(), name) != reserved.end();
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    if (byte == '/' || byte == '%' || byte < 0x20 || byte == 0x7f || dots || (taken && i == 0)) {
      append_percent(out, byte);
    } else {
      out += name[i];
    }
  }
  return out;
}

const std::vector<std::string>& reading_columns() {
  static const std::vector<std::string> names = {"run", "repeat", "time"};
  return names;
}

std::string text_attribute(const Attributes& attributes, std::string_view name) {
  const AttributeValue* value = find(attributes, name);
  const auto* text = value != nullptr ? std::get_if<std::string>(value) : nullptr;
  return text != nullptr ? *text : std::string();
}

std::int64_t integer_attribute(const Attributes& attributes, std::string_view name) {
  const AttributeValue* value = find(attributes, name);
  const auto* number = value != nullptr ? std::get_if<std::int64_t>(value) : nullptr;
  return number != nullptr ? *number : core::UtcTime::missing_count;
}

}  // namespace luban::history::detail
