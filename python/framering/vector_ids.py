"""The ids of the Atari games in the namespace ``framering``, for ``gymnasium.make_vec``.

They stand here by name, so that registering them imports no emulator.
"""

from gymnasium.envs.registration import register, registry

# Games that have the ids of Gym, too: "Breakout-v4", "BreakoutNoFrameskip-v4" and so on.
_GAMES_OF_GYM = """
Adventure AirRaid Alien Amidar Assault Asterix Asteroids Atlantis BankHeist BattleZone BeamRider
Berzerk Bowling Boxing Breakout Carnival Centipede ChopperCommand CrazyClimber Defender
DemonAttack DoubleDunk ElevatorAction Enduro FishingDerby Freeway Frostbite Gopher Gravitar Hero
IceHockey Jamesbond JourneyEscape Kangaroo Krull KungFuMaster MontezumaRevenge MsPacman
NameThisGame Phoenix Pitfall Pong Pooyan PrivateEye Qbert Riverraid RoadRunner Robotank Seaquest
Skiing Solaris SpaceInvaders StarGunner Tennis TimePilot Tutankham UpNDown Venture VideoPinball
WizardOfWor YarsRevenge Zaxxon
"""

_GAMES_SINCE_V5 = """
Atlantis2 Backgammon BasicMath Blackjack Casino Crossbow Darkchambers DonkeyKong Earthworld
Entombed Et FlagCapture Frogger Galaxian Hangman HauntedHouse HumanCannonball Kaboom
KeystoneKapers KingKong Klax Koolaid LaserGates LostLuggage MarioBros MiniatureGolf MrDo Othello
Pacman Pitfall2 SirLancelot SpaceWar Superman Surround Tetris TicTacToe3D Trondead Turmoil
VideoCheckers VideoChess VideoCube WordZapper
"""


def register_vector_ids() -> None:
    """Register an id such as ``framering/BreakoutNoFrameskip-v4`` for each of ale-py's."""
    for game in (_GAMES_OF_GYM + _GAMES_SINCE_V5).split():
        _register(f"{game}-v5", f"ALE/{game}-v5")
    for game in _GAMES_OF_GYM.split():
        for version in ("v0", "v4"):
            for env_id in (f"{game}-{version}", f"{game}NoFrameskip-{version}"):
                _register(env_id, env_id)


def _register(name: str, env_id: str) -> None:
    name = f"framering/{name}"
    if name not in registry:  # a reloaded module registers nothing twice
        register(
            name,
            vector_entry_point="framering.vector_env:AtariVectorEnv",
            kwargs={"env_id": env_id},
        )
