import CDatagrams
import CLibuv
import WarrenMachine
