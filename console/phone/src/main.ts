import './page.css'
import { draw } from './draw'
import { Page } from './page'

const root = document.getElementById('page')!
const page = new Page((view) => draw(root, view, page))
addEventListener('online', () => void page.refresh())
document.addEventListener('visibilitychange', () => (document.hidden ? page.stop() : void page.refresh()))
void page.start()

if ('serviceWorker' in navigator && import.meta.env.PROD) void navigator.serviceWorker.register('/sw.js')
