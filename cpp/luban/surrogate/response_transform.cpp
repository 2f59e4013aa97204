#include <luban/surrogate/response_transform.hpp>

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/surrogate/detail/transforms/transforms.hpp>

namespace luban::surrogate {

namespace {

using detail::PresentValues;
using detail::TransformPointer;

struct Entry {
  std::string_view name;
  std::string_view description;
  TransformPointer (*fit)(const PresentValues&, const ResponseTransformOptions&);
  TransformPointer (*read)(const core::Json&);
};

template <TransformPointer (*plain)(const PresentValues&)>
TransformPointer without_options(const PresentValues& values, const ResponseTransformOptions& /*options*/) {
  return plain(values);
}

TransformPointer fit_none(const PresentValues& /*values*/, const ResponseTransformOptions& /*options*/) {
  return detail::make_none();
}

TransformPointer read_none(const core::Json& /*json*/) {
  return detail::make_none();
}

TransformPointer fit_winsorise(const PresentValues& values, const ResponseTransformOptions& options) {
  return detail::fit_winsorise(values, options.winsorise_share);
}

TransformPointer fit_winsorise_deviations(const PresentValues& values, const ResponseTransformOptions& options) {
  return detail::fit_winsorise_deviations(values, options.winsorise_deviations);
}

constexpr std::array<Entry, 11> entries{{
    {"none", "The response as it is.", &fit_none, &read_none},
    {"standardise", "Mean 0 and standard deviation 1, which a fit does anyway: for use before another one.",
     &without_options<&detail::fit_standardise>, &detail::read_standardise},
    {"log", "Natural logarithm; refuses values that are not above 0.", &without_options<&detail::fit_log>,
     &detail::read_exponential},
    {"shifted_log", "Natural logarithm, shifted where the least value is not above 0.",
     &without_options<&detail::fit_shifted_log>, &detail::read_exponential},
    {"yeo_johnson", "Power family for values of any sign, its shape by maximum likelihood (Yeo and Johnson 2000).",
     &without_options<&detail::fit_yeo_johnson>, &detail::read_yeo_johnson},
    {"box_cox", "Power family for values above 0, its shape by maximum likelihood (Box and Cox 1964).",
     &without_options<&detail::fit_box_cox>, &detail::read_box_cox},
    {"bilog", "Logarithm on both sides of 0, for outcome constraints (Eriksson and Poloczek 2021).",
     &without_options<&detail::fit_bilog>, &detail::read_bilog},
    {"winsorise", "Clips what is learned at quantiles; a posterior is left as it is.", &fit_winsorise,
     &detail::read_winsorise},
    {"winsorise_deviations", "Clips what is learned at robust standard deviations from the median.",
     &fit_winsorise_deviations, &detail::read_winsorise},
    {"log_warp_high", "Resolves the greatest values more finely, for maximisation (Song et al. 2024).",
     &without_options<&detail::fit_log_warp_high>, &detail::read_exponential},
    {"log_warp_low", "Resolves the least values more finely, for minimisation.",
     &without_options<&detail::fit_log_warp_low>, &detail::read_exponential},
}};

const Entry* find(std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t end = name.find('+'); end != std::string::npos; end = name.find('+', begin)) {
    out.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  out.push_back(name.substr(begin));
  return out;
}

const Entry& known(const std::string& part) {
  if (const Entry* entry = find(part)) return *entry;
  std::vector<std::string> names;
  for (const Entry& entry : entries) names.emplace_back(entry.name);
  throw core::ConfigurationError({.where = "surrogate.fit_response_transform",
                                  .expected = "a transform among " + core::listed(names) + ", joined by \"+\"",
                                  .received = core::quoted(part),
                                  .place = {},
                                  .hint = core::nearest_hint(part, names)});
}

void require_options(const ResponseTransformOptions& options) {
  const auto refuse = [](const char* expected, double received, const char* option) {
    throw core::ConfigurationError({.where = "surrogate.fit_response_transform",
                                    .expected = expected,
                                    .received = core::number_text(received),
                                    .place = std::string("option ") + option,
                                    .hint = {}});
  };
  if (!(options.winsorise_share >= 0.0 && options.winsorise_share < 0.5)) {
    refuse("a share from 0 to below 0.5", options.winsorise_share, "winsorise_share");
  }
  if (!(options.winsorise_deviations > 0.0 && std::isfinite(options.winsorise_deviations))) {
    refuse("a finite number above 0", options.winsorise_deviations, "winsorise_deviations");
  }
}

}  // namespace

ResponseTransform::~ResponseTransform() = default;

double ResponseTransform::training_value(double y) const {
  return forward(y);
}

ClosedForm ResponseTransform::closed_form() const {
  return {};
}

std::vector<double> ResponseTransform::kinks() const {
  return {};
}

std::vector<ResponseTransformKind> response_transforms() {
  std::vector<ResponseTransformKind> out;
  for (const Entry& entry : entries) out.push_back({std::string(entry.name), std::string(entry.description)});
  return out;
}

void require_response_transform(const std::string& name) {
  for (const std::string& part : parts_of(name)) (void)known(part);
}

std::shared_ptr<const ResponseTransform> fit_response_transform(const std::string& name, const Eigen::VectorXd& values,
                                                                const ResponseTransformOptions& options,
                                                                const std::string& response) {
  require_response_transform(name);
  require_options(options);
  PresentValues present = detail::present_values(values, response);
  std::vector<TransformPointer> out;
  for (const std::string& part : parts_of(name)) {
    out.push_back(known(part).fit(present, options));
    for (double& y : present.y) y = out.back()->training_value(y);
  }
  return detail::compose(std::move(out));
}

std::shared_ptr<const ResponseTransform> response_transform_from_json(const core::Json& json) {
  if (const core::Json* parts = json.find("parts")) {
    std::vector<TransformPointer> out;
    for (const core::Json& part : parts->as_array()) {
      detail::require_transform(part.find("parts") == nullptr, "parts that have none of their own");
      out.push_back(response_transform_from_json(part));
    }
    detail::require_transform(!out.empty(), "at least one part");
    return detail::compose(std::move(out));
  }
  const std::string& name = json.at("name").as_string();
  const Entry* entry = find(name);
  detail::require_transform(entry != nullptr, "a known transform, not " + core::quoted(name));
  return entry->read(json);
}

}  // namespace luban::surrogate
