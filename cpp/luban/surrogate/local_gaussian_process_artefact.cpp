#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/tensors.hpp>
#include <luban/surrogate/gaussian_process_impl.hpp>
#include <luban/surrogate/local_gaussian_process_impl.hpp>

namespace luban::surrogate {

namespace {

constexpr const char* key = "local_gaussian_process";

std::string prefix_of(std::size_t response) {
  return std::string(key) + "/" + std::to_string(response) + "/";
}

}  // namespace

void LocalGaussianProcess::write(Artefact& artefact) const {
  core::Json responses = core::Json::array();
  for (std::size_t r = 0; r < impl_->processes.size(); ++r) {
    const detail::LocalProcess& process = *impl_->processes[r];
    write_training(process.all().data(), prefix_of(r), artefact);
    artefact.tensors[prefix_of(r) + "theta"] = detail::to_tensor(process.theta());
    responses.push_back(core::Json::object()
                            .set("name", impl_->responses[r].name)
                            .set("unit", impl_->responses[r].unit)
                            .set("report", report_json(impl_->reports[r])));
  }
  artefact.metadata.set(key, core::Json::object()
                                 .set("preset", impl_->preset)
                                 .set("model", surrogate::to_json(impl_->model))
                                 .set("encoder", impl_->encoder.to_json())
                                 .set("neighbours", static_cast<std::int64_t>(impl_->neighbours))
                                 .set("responses", std::move(responses)));
}

std::shared_ptr<const LocalGaussianProcess> LocalGaussianProcess::read(const Artefact& artefact) {
  try {
    const core::Json& json = artefact.metadata.at(key);
    auto impl = std::make_unique<Impl>();
    impl->preset = json.at("preset").as_string();
    impl->model = model_from_json(json.at("model"));
    impl->encoder = features::Encoder::from_json(json.at("encoder"));
    impl->neighbours = json.at("neighbours").as_int();
    detail::require_intact(impl->neighbours >= 1 && impl->neighbours <= 500, "1 to 500 neighbours", "neighbours");
    const auto covariance = std::make_shared<const detail::Covariance>(impl->model, impl->encoder);
    const core::Json::Array& responses = json.at("responses").as_array();
    for (std::size_t r = 0; r < responses.size(); ++r) {
      impl->responses.push_back({responses[r].at("name").as_string(), responses[r].at("unit").as_string()});
      const Eigen::VectorXd theta = detail::vector_from(artefact, prefix_of(r) + "theta");
      const auto all = std::make_shared<const detail::LogPosterior>(
          impl->model, covariance,
          read_training(artefact, prefix_of(r), impl->encoder, impl->model.noise_profile.used));
      detail::require_intact(
          theta.size() == static_cast<Eigen::Index>(all->hyperparameters().size()) && theta.allFinite(),
          "a finite value for each hyperparameter", prefix_of(r) + "theta");
      impl->reports.push_back(report_from_json(responses[r].at("report"), theta));
      impl->processes.push_back(
          std::make_shared<const detail::LocalProcess>(impl->model, all, theta, impl->neighbours));
    }
    return std::shared_ptr<const LocalGaussianProcess>(new LocalGaussianProcess(std::move(impl)));
  } catch (const core::DataError& error) {  // metadata that is missing or of another type
    detail::throw_damaged("surrogate.LocalGaussianProcess.read", error);
  }
}

}  // namespace luban::surrogate
