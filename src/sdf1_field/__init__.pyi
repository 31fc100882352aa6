from sdf1_field.api.ablating import ablate as ablate
from sdf1_field.api.calibrating import calibrate as calibrate
from sdf1_field.api.designing import design as design
from sdf1_field.api.exporting import export as export
from sdf1_field.api.groups import plot_groups as plot_groups
from sdf1_field.api.judging import judge as judge
from sdf1_field.api.loading import load_model as load_model
from sdf1_field.api.measuring import measure as measure
from sdf1_field.api.measuring import measure_groups as measure_groups
from sdf1_field.api.powering import power as power
from sdf1_field.api.powering import power_of_claims as power_of_claims
from sdf1_field.api.replaying import record_exposure as record_exposure
from sdf1_field.api.replaying import replay as replay
from sdf1_field.api.runs import Run as Run
from sdf1_field.api.runs import Runs as Runs
from sdf1_field.api.runs import open_run as open_run
from sdf1_field.api.scenes import scene_of_image as scene_of_image
from sdf1_field.api.solving import solve as solve
from sdf1_field.api.sweeping import sweep as sweep
from sdf1_field.api.tracking import open_tracks as open_tracks
from sdf1_field.errors import InputError as InputError
from sdf1_field.errors import RunError as RunError
from sdf1_field.errors import Sdf1FieldWarning as Sdf1FieldWarning
from sdf1_field.shipped import model_names as model_names
from sdf1_field.spec import Model as Model

__version__: str
