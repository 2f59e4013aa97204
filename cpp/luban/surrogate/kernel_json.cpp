#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/kernel.hpp>

namespace luban::surrogate {

namespace {

constexpr std::array<std::pair<Prior::Kind, std::string_view>, 5> prior_names{{{Prior::Kind::flat, "flat"},
                                                                               {Prior::Kind::log_normal, "log_normal"},
                                                                               {Prior::Kind::gamma, "gamma"},
                                                                               {Prior::Kind::normal_log, "normal_log"},
                                                                               {Prior::Kind::two_sided, "two_sided"}}};
template <typename Kind, std::size_t count>
std::string_view name_of(Kind kind, const std::array<std::pair<Kind, std::string_view>, count>& names) {
  for (const auto& [known, name] : names) {
    if (known == kind) return name;
  }
  return {};
}

template <typename Kind, std::size_t count>
Kind kind_of(const std::string& name, const std::array<std::pair<Kind, std::string_view>, count>& names) {
  for (const auto& [kind, known] : names) {
    if (known == name) return kind;
  }
  throw core::DataError({.where = "surrogate.read",
                         .expected = "a known factor or prior",
                         .received = "\"" + name + "\"",
                         .place = {},
                         .hint = {}});
}

FactorKind factor_kind_of(const std::string& name) {
  for (const detail::KernelEntry& entry : detail::kernels()) {
    if (entry.name == name) return entry.kind;
  }
  throw core::DataError({.where = "surrogate.read",
                         .expected = "a known kernel",
                         .received = "\"" + name + "\"",
                         .place = {},
                         .hint = {}});
}

core::Json hyperparameter_json(const HyperparameterSpec& spec) {
  return core::Json::object()
      .set("prior", name_of(spec.prior.kind, prior_names))
      .set("a", spec.prior.a)
      .set("b", spec.prior.b)
      .set("low", spec.low)
      .set("high", spec.high)
      .set("start", spec.start)
      .set("fixed", spec.fixed);
}

void require(bool right, const std::string& expected, double received) {
  if (right) return;
  throw core::DataError({.where = "surrogate.read",
                         .expected = expected,
                         .received = core::number_text(received),
                         .place = {},
                         .hint = {}});
}

HyperparameterSpec hyperparameter_from_json(const core::Json& json) {
  const HyperparameterSpec out{.prior = {.kind = kind_of(json.at("prior").as_string(), prior_names),
                                         .a = json.at("a").as_double(),
                                         .b = json.at("b").as_double()},
                               .low = json.at("low").as_double(),
                               .high = json.at("high").as_double(),
                               .start = json.at("start").as_double(),
                               .fixed = json.at("fixed").as_bool()};
  require(out.low > 0.0 && out.low <= out.start, "0 < low <= start of a hyperparameter", out.low);
  require(out.start <= out.high && std::isfinite(out.high), "start <= high of a hyperparameter, finite", out.high);
  return out;
}

}  // namespace

core::Json to_json(const ModelSpec& model) {
  core::Json factors = core::Json::array();
  for (const FactorSpec& factor : model.factors) {
    core::Json one = core::Json::object()
                         .set("name", factor.name)
                         .set("kind", detail::kernel(factor.kind).name)
                         .set("isotropic", factor.isotropic)
                         .set("length", hyperparameter_json(factor.length));
    if (factor.kind == FactorKind::periodic) one.set("period", factor.period);
    if (factor.with_categories) one.set("with_categories", true);
    if (factor.rank != 0) one.set("rank", factor.rank);
    if (factor.kind == FactorKind::coregionalisation) one.set("own", hyperparameter_json(factor.own));
    if (!factor.inputs.empty()) one.set("inputs", factor.inputs);
    if (!factor.without.empty()) one.set("without", factor.without);
    factors.push_back(std::move(one));
  }
  core::Json terms = core::Json::array();
  for (const TermSpec& term : model.terms) {
    core::Json used = core::Json::array();
    for (const std::size_t factor : term.factors) used.push_back(static_cast<std::int64_t>(factor));
    terms.push_back(core::Json::object()
                        .set("name", term.name)
                        .set("factors", std::move(used))
                        .set("variance", hyperparameter_json(term.variance)));
  }
  core::Json out = core::Json::object();
  if (model.warp.used) {
    out.set("warp", core::Json::object()
                        .set("a", hyperparameter_json(model.warp.a))
                        .set("b", hyperparameter_json(model.warp.b))
                        .set("without", model.warp.without));
  }
  if (model.noise_profile.used) {
    out.set("noise_profile", core::Json::object()
                                 .set("ratio", hyperparameter_json(model.noise_profile.ratio))
                                 .set("inputs", model.noise_profile.inputs));
  }
  return out.set("factors", std::move(factors))
      .set("terms", std::move(terms))
      .set("mean_variance", std::isfinite(model.mean_variance) ? core::Json(model.mean_variance) : core::Json())
      .set("between", hyperparameter_json(model.between))
      .set("point", hyperparameter_json(model.point))
      .set("within", hyperparameter_json(model.within))
      .set("point_level", model.point_level);
}

ModelSpec model_from_json(const core::Json& json) {
  ModelSpec out;
  for (const core::Json& factor : json.at("factors").as_array()) {
    FactorSpec spec{.name = factor.at("name").as_string(),
                    .kind = factor_kind_of(factor.at("kind").as_string()),
                    .isotropic = factor.at("isotropic").as_bool(),
                    .length = hyperparameter_from_json(factor.at("length"))};
    if (spec.kind == FactorKind::periodic) {
      spec.period = factor.at("period").as_double();
      require(spec.period > 0.0, "a period above 0", spec.period);
    }
    if (const core::Json* both = factor.find("with_categories")) spec.with_categories = both->as_bool();
    if (const core::Json* rank = factor.find("rank")) {
      spec.rank = static_cast<int>(rank->as_int());
      require(spec.rank >= 1 && spec.rank <= 64, "a rank of 1 to 64", spec.rank);
    }
    if (spec.kind == FactorKind::coregionalisation) spec.own = hyperparameter_from_json(factor.at("own"));
    if (const core::Json* names = factor.find("inputs")) spec.inputs = names->as_strings();
    if (const core::Json* names = factor.find("without")) spec.without = names->as_strings();
    out.factors.push_back(std::move(spec));
  }
  for (const core::Json& term : json.at("terms").as_array()) {
    TermSpec spec{
        .name = term.at("name").as_string(), .factors = {}, .variance = hyperparameter_from_json(term.at("variance"))};
    for (const core::Json& factor : term.at("factors").as_array()) {
      const std::int64_t index = factor.as_int();
      if (index < 0 || static_cast<std::size_t>(index) >= out.factors.size()) {
        throw core::DataError({.where = "surrogate.read",
                               .expected = "a factor that exists",
                               .received = std::to_string(index),
                               .place = {},
                               .hint = {}});
      }
      spec.factors.push_back(static_cast<std::size_t>(index));
    }
    out.terms.push_back(std::move(spec));
  }
  if (const core::Json* warp = json.find("warp")) {
    out.warp = {.used = true,
                .a = hyperparameter_from_json(warp->at("a")),
                .b = hyperparameter_from_json(warp->at("b")),
                .without = warp->at("without").as_strings()};
  }
  if (const core::Json* profile = json.find("noise_profile")) {
    out.noise_profile = {.used = true,
                         .ratio = hyperparameter_from_json(profile->at("ratio")),
                         .inputs = profile->at("inputs").as_strings()};
  }
  const core::Json& mean_variance = json.at("mean_variance");
  out.mean_variance = mean_variance.is_null() ? std::numeric_limits<double>::infinity() : mean_variance.as_double();
  require(out.mean_variance > 0.0, "a variance of the mean above 0", out.mean_variance);
  out.between = hyperparameter_from_json(json.at("between"));
  out.point = hyperparameter_from_json(json.at("point"));
  out.within = hyperparameter_from_json(json.at("within"));
  out.point_level = json.at("point_level").as_bool();
  return out;
}

}  // namespace luban::surrogate
